# SPDX-License-Identifier: Apache-2.0
"""multiprocessing in one of its three ways; workers use the GPU, then the parent does.

usage: workers.py fork | spawn | forkserver
"""
import ctypes
import multiprocessing
import os
import sys
import time

PTX = (b".version 8.0\n.target sm_70\n.address_size 64\n"
       b".visible .entry guest_kernel()\n{\n\tret;\n}\n")
LAUNCHES = 20


def work(number):
    """Return: what the calls returned, added up. What a launch takes is all zero but the size."""
    driver = ctypes.CDLL("libcuda.so.1")
    context, module, function = (ctypes.c_void_p() for _ in range(3))
    failures = driver.cuInit(0)
    failures += driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0)
    failures += driver.cuCtxSetCurrent(context)
    failures += driver.cuModuleLoadData(ctypes.byref(module), PTX)
    failures += driver.cuModuleGetFunction(ctypes.byref(function), module, b"guest_kernel")
    for _ in range(LAUNCHES):
        failures += driver.cuLaunchKernel(function, 1, 1, 1, 1, 1, 1, 0, None, None, None)
    failures += driver.cuCtxSynchronize()
    return number, failures


def main():
    way = multiprocessing.get_context(sys.argv[1])
    with way.Pool(3) as pool:
        print(sorted(pool.map(work, range(3), chunksize=1)))
        # The pool ends its workers by a signal. What they did is in their files within a second.
        time.sleep(2)
    child = way.Process(target=sys.exit, args=(4,))
    child.start()
    child.join()
    print("child", child.exitcode)
    print(work(3))
    if way.get_start_method() == "fork":
        print("descriptors", len(os.listdir("/proc/self/fd")))
    sys.exit(3)


if __name__ == "__main__":
    main()
