# SPDX-License-Identifier: GPL-2.0-only
# What the kernel's headers have decides, not its version number.
nbd-has = $(if $(shell grep -lE '$(2)' $(srctree)/include/$(1) 2>/dev/null),-D$(3))

ccflags-y += $(call nbd-has,linux/net.h,kernel_sendpage_locked,NBD_HAVE_SENDPAGE)
ccflags-y += $(call nbd-has,linux/blkdev.h,blk_mode_t,NBD_HAVE_BLK_MODE_T)
ccflags-y += $(call nbd-has,linux/blkdev.h,queue_limits_commit_update_frozen,NBD_HAVE_LIMITS_UPDATE)
ccflags-y += $(call nbd-has,linux/blk-mq.h,BLK_MQ_F_SHOULD_MERGE,NBD_HAVE_SHOULD_MERGE)
ccflags-y += $(call nbd-has,linux/blk-mq.h,blk_mq_unfreeze_queue.*memflags,NBD_HAVE_FREEZE_MEMFLAGS)
ccflags-y += $(call nbd-has,linux/blk-mq.h,blk_mq_wait_quiesce_done.struct blk_mq_tag_set,NBD_HAVE_WAIT_SET)
ccflags-y += $(call nbd-has,linux/blkdev.h,max_hw_wzeroes_unmap_sectors,NBD_HAVE_WZEROES_UNMAP)
ccflags-y += $(call nbd-has,linux/blk-mq.h,const struct io_comp_batch,NBD_HAVE_END_IO_BATCH)
ccflags-y += $(call nbd-has,linux/workqueue.h,WQ_PERCPU,NBD_HAVE_WQ_PERCPU)
