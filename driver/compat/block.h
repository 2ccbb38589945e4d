/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between kernels in the block layer.
 */
#ifndef NBD_COMPAT_BLOCK_H
#define NBD_COMPAT_BLOCK_H

#include <linux/backing-dev.h>
#include <linux/blk-mq.h>
#include <linux/blkdev.h>

#ifdef NBD_HAVE_SHOULD_MERGE
#define NBD_TAG_SET_MERGE	BLK_MQ_F_SHOULD_MERGE
#else
#define NBD_TAG_SET_MERGE	0
#endif

/* Logical blocks: over a page where the page cache has folios of several. */
#if defined(BLK_MAX_BLOCK_SIZE) && defined(CONFIG_TRANSPARENT_HUGEPAGE)
#define NBD_BLOCK_MAX		((unsigned int)BLK_MAX_BLOCK_SIZE)
#define NBD_BLOCK_MAX_TEXT	"64 KiB"
#else
#define NBD_BLOCK_MAX		((unsigned int)PAGE_SIZE)
#define NBD_BLOCK_MAX_TEXT	"the page size"
#endif

/* Parameters of open, release and ioctl in struct block_device_operations. */
#ifdef NBD_HAVE_BLK_MODE_T
#define nbd_mode_t		blk_mode_t
#define NBD_OPEN_ARGS		struct gendisk *opened, blk_mode_t mode
#define NBD_OPENED_DISK		opened
#define NBD_RELEASE_ARGS	struct gendisk *disk
#else
#define nbd_mode_t		fmode_t
#define NBD_OPEN_ARGS		struct block_device *opened, fmode_t mode
#define NBD_OPENED_DISK		(opened->bd_disk)
#define NBD_RELEASE_ARGS	struct gendisk *disk, fmode_t mode
#endif

/* Parameters of rq_end_io_fn. */
#ifdef NBD_HAVE_END_IO_BATCH
#define NBD_END_IO_ARGS		struct request *rq, blk_status_t status, \
				const struct io_comp_batch *batch
#else
#define NBD_END_IO_ARGS		struct request *rq, blk_status_t status
#endif

/**
 * struct nbd_limits - the limits of a disk, from what the server said
 * @logical: logical block in bytes
 * @physical: physical block in bytes
 * @io_min: preferred request in bytes
 * @max_hw_sectors: largest payload
 * @max_sectors: soft limit of a request
 * @discard_sectors: largest trim, 0 for none
 * @zeroes_sectors: largest zeroing, 0 for none
 * @zeroes_unmap_sectors: largest one that is fast because it deallocates
 * @cache: the server has a write cache that can be flushed
 * @fua: a write can be forced through it
 * @rotational: seeks are slow
 */
struct nbd_limits {
	unsigned int logical;
	unsigned int physical;
	unsigned int io_min;
	unsigned int max_hw_sectors;
	unsigned int max_sectors;
	unsigned int discard_sectors;
	unsigned int zeroes_sectors;
	unsigned int zeroes_unmap_sectors;
	bool cache;
	bool fua;
	bool rotational;
};

#ifdef NBD_HAVE_FREEZE_MEMFLAGS
static inline unsigned int nbd_freeze(struct request_queue *q)
{
	return blk_mq_freeze_queue(q);
}

static inline void nbd_unfreeze(struct request_queue *q, unsigned int flags)
{
	blk_mq_unfreeze_queue(q, flags);
}
#else
static inline unsigned int nbd_freeze(struct request_queue *q)
{
	blk_mq_freeze_queue(q);
	return 0;
}

static inline void nbd_unfreeze(struct request_queue *q, unsigned int flags)
{
	blk_mq_unfreeze_queue(q);
}
#endif

/**
 * nbd_wait_dispatched() - wait until those have returned who are in queue_rq
 * @disk: the disk
 * @set: its tag set
 *
 * Who comes later sees what the caller wrote before. The queue is not quiesced
 * for that: a request that finds it quiesced is put aside, and on some kernels
 * nobody looks at it again if the queue is let go at that moment.
 *
 * Context: process, sleeps.
 */
static inline void nbd_wait_dispatched(struct gendisk *disk,
				       struct blk_mq_tag_set *set)
{
#ifdef NBD_HAVE_WAIT_SET
	blk_mq_wait_quiesce_done(set);
#else
	blk_mq_wait_quiesce_done(disk->queue);
#endif
}

#ifdef NBD_HAVE_LIMITS_UPDATE

static inline struct gendisk *nbd_alloc_disk(struct blk_mq_tag_set *set,
					     void *queuedata)
{
	return blk_mq_alloc_disk(set, NULL, queuedata);
}

static inline void nbd_fill_limits(struct queue_limits *lim,
				   const struct nbd_limits *want)
{
	lim->logical_block_size = want->logical;
	lim->physical_block_size = want->physical;
	lim->io_min = want->io_min;
	lim->io_opt = 0;
	lim->max_hw_sectors = want->max_hw_sectors;
	lim->max_user_sectors = want->max_sectors;
	lim->max_segments = USHRT_MAX;
	lim->max_segment_size = UINT_MAX;
	lim->max_hw_discard_sectors = want->discard_sectors;
	lim->max_user_discard_sectors = UINT_MAX;
	lim->discard_granularity = want->discard_sectors ? want->physical : 0;
	lim->max_write_zeroes_sectors = want->zeroes_sectors;
#ifdef NBD_HAVE_WZEROES_UNMAP
	lim->max_hw_wzeroes_unmap_sectors = want->zeroes_unmap_sectors;
	lim->max_user_wzeroes_unmap_sectors = UINT_MAX;
#endif
	lim->features &= ~(BLK_FEAT_WRITE_CACHE | BLK_FEAT_FUA |
			   BLK_FEAT_ROTATIONAL);
	if (want->cache)
		lim->features |= BLK_FEAT_WRITE_CACHE;
	if (want->cache && want->fua)
		lim->features |= BLK_FEAT_FUA;
	if (want->rotational)
		lim->features |= BLK_FEAT_ROTATIONAL;
}

/**
 * nbd_set_limits() - set every limit of a disk
 * @disk: the disk; its queue is frozen for a moment
 * @want: the limits
 *
 * Context: process, sleeps.
 * Return: 0, or -EINVAL when the block layer refuses the combination.
 */
static inline int nbd_set_limits(struct gendisk *disk,
				 const struct nbd_limits *want)
{
	struct queue_limits lim = queue_limits_start_update(disk->queue);

	nbd_fill_limits(&lim, want);
	return queue_limits_commit_update_frozen(disk->queue, &lim);
}

#else

static inline struct gendisk *nbd_alloc_disk(struct blk_mq_tag_set *set,
					     void *queuedata)
{
	return blk_mq_alloc_disk(set, queuedata);
}

static inline int nbd_set_limits(struct gendisk *disk,
				 const struct nbd_limits *want)
{
	struct request_queue *q = disk->queue;
	unsigned int frozen = nbd_freeze(q);

	blk_queue_logical_block_size(q, want->logical);
	blk_queue_physical_block_size(q, want->physical);
	blk_queue_io_min(q, want->io_min);
	blk_queue_io_opt(q, 0);
	blk_queue_max_segments(q, USHRT_MAX);
	blk_queue_max_segment_size(q, UINT_MAX);
	blk_queue_max_hw_sectors(q, want->max_hw_sectors);
	/* The setter above caps it at what suits a local disk. */
	q->limits.max_sectors = want->max_sectors;
	q->limits.discard_granularity = want->discard_sectors ?
		want->physical : 0;
	blk_queue_max_discard_sectors(q, want->discard_sectors);
	blk_queue_max_write_zeroes_sectors(q, want->zeroes_sectors);
	blk_queue_write_cache(q, want->cache, want->cache && want->fua);
	if (want->rotational)
		blk_queue_flag_clear(QUEUE_FLAG_NONROT, q);
	else
		blk_queue_flag_set(QUEUE_FLAG_NONROT, q);
	nbd_unfreeze(q, frozen);
	return 0;
}

#endif

/* Assigned after every change of limits, which would only ever raise it. */
static inline void nbd_set_read_ahead(struct gendisk *disk, unsigned int bytes)
{
	disk->bdi->ra_pages = bytes >> PAGE_SHIFT;
	disk->bdi->io_pages = disk->queue->limits.max_sectors >>
		(PAGE_SHIFT - SECTOR_SHIFT);
}

#endif /* NBD_COMPAT_BLOCK_H */
