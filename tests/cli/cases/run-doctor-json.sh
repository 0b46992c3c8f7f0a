# Starts with run- because it needs what a run needs.
[ -e "$RK_TREE/tests/simgpu/libcuda.so.1" ] || exit 77
export LD_LIBRARY_PATH=$RK_TREE/tests/simgpu
rktrace doctor --json -- "$RK_TREE/tests/programs/storm_static" | jq '{ok, devices, simulated, gpu_time_source, driver, cupti, program, next, states: [.findings[].state] | unique}'
{ printf '\177ELF\002\001\001\000\000\000\000\000\000\000\000\000\002\000\363\000'; head -c 44 /dev/zero; } >foreign
chmod +x foreign
rktrace doctor --json -- ./foreign >out; echo "$?"
jq '{ok, program, next}' out
