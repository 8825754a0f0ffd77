#!/usr/bin/env bash
# Serve Qwen/Qwen3-VL-2B-Instruct with vllm-rbln 0.12.0.
# It serves the folder that compile.py of optimum-rbln 0.12.0 made. vllm-rbln
# takes lengths, batch, block size and number of devices from that folder; the
# flags below say the same and change nothing. Buckets cannot be given here: on a
# compiled folder every override but device is dropped, and raises before 0.10.4
# (utils/optimum of vllm-rbln).
# Given a checkpoint instead of a folder, vllm-rbln would compile one itself.
#
# max_seq_len counts ViT patches. Each bucket and what it serves:
#   ViT patches  merged patches  largest square image  share of runs
#           400             100          320 x 320 px         25.5 %
#         1,728             432          640 x 640 px         24.6 %
#         3,364             841          928 x 928 px         14.0 %
#         5,120           1,280      1,120 x 1,120 px         35.8 %
#
# ================================================================================
# ASSUMED, NOT MEASURED - check before you compile:
#   visual.num_devices = 8
#   num_devices = 8
#   kvcache_partition_len = 16384
#   max_seq_len = 262144
#   batch_size = 1
#     from RBLN Model Zoo, as the class's own example in optimum-rbln 0.12.0,
#     transformers/models/qwen3_vl/modeling_qwen3_vl.py
#   visual.create_runtimes = false
#   create_runtimes = false
#     from the Model Zoo compile scripts: nothing runs while compiling
# Replace them with --base rbln_config.json, or with --devices, --max-seq-len,
# --kvcache-partition-len, --npu and --batch-size.
# ================================================================================
# Note: NPU not given. A compile host without an NPU needs its name: set --npu.

set -euo pipefail

FOLDER=compiled-qwen3-vl-2b.optimum-0.12.0
if [ "$#" -gt 0 ]; then
  FOLDER=$1
  shift
fi
if [ ! -f "$FOLDER/rbln_config.json" ]; then
  echo "$FOLDER/rbln_config.json is missing: run compile.py first" >&2
  exit 1
fi

# Both limits: transformers 4.57 ignores max_pixels alone for checkpoints that store
# `size` (models/qwen2_vl/image_processing_qwen2_vl_fast.py).
exec vllm serve "$FOLDER" \
  --served-model-name Qwen/Qwen3-VL-2B-Instruct \
  --block-size 16384 \
  --max-model-len 262144 \
  --max-num-seqs 1 \
  --rbln-num-devices-per-local-rank 8 \
  --mm-processor-kwargs '{"images_kwargs": {"min_pixels": 65536, "max_pixels": 1310720}}' \
  --limit-mm-per-prompt '{"video": 0}' \
  "$@"
