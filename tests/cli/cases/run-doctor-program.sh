# Starts with run- because it needs what a run needs.
programs=$RK_TREE/tests/programs
[ -e "$RK_TREE/tests/simgpu/libcuda.so.1" ] || exit 77
doctor() {
    echo "== $*"
    rktrace doctor "$@" >out
    status=$?
    grep -E '^(ok|BAD|note) *(library|program|script|runtime|sanitizer|libraries|GPU|match|others|would)|^next' out
    echo "-> $status"
}

export LD_LIBRARY_PATH=$RK_TREE/tests/simgpu
doctor -- "$programs/storm" one 'two words' "it's"
doctor "$programs/storm_static"
doctor "$programs/storm_driver_linked"
printf '#!/usr/bin/env -S bash -e\n:\n' >script
printf '#!/nowhere/at all\n:\n' >lost
printf 'echo no first line\n' >plain
{ printf '\177ELF\002\001\001\000\000\000\000\000\000\000\000\000\002\000\363\000'; head -c 44 /dev/zero; } >foreign
chmod +x script lost plain foreign
PATH=$PATH:/bin doctor ./script | sed 's,/usr/bin/bash,/bin/bash,'
doctor ./lost
doctor ./plain
doctor ./foreign
CUDA_INJECTION64_PATH=/opt/nsys/libToolsInjection64.so LD_PRELOAD= doctor -- bash | grep -A1 -E '^(note|BAD)'
SIMGPU_DRIVER_VERSION=12040 doctor "$programs/storm" | grep -E 'match|->'
unset LD_LIBRARY_PATH
doctor "$programs/storm" | grep -v GPU.*none:
rktrace doctor ./missing; echo "-> $?"
rktrace doctor .; echo "-> $?"
