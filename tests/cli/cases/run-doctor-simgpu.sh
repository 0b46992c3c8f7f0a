# Starts with run- because it needs what a run needs.
[ -e "$RK_TREE/tests/simgpu/libcuda.so.1" ] || exit 77
export LD_LIBRARY_PATH=$RK_TREE/tests/simgpu
rktrace doctor --json | grep -E '"(devices|simulated|gpu_time_source|next)"'
rktrace doctor | grep -E '^(ok|BAD|note) *(library|GPU|CUPTI)'
RUSTKERNEL_METRICS_PRT=1 rktrace doctor | grep -E 'settings|disabled'
RUSTKERNEL_DISABLE=1 rktrace doctor >out; echo "disabled: $?"
grep switch out
