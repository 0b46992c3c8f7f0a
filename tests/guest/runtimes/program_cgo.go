// SPDX-License-Identifier: Apache-2.0

// Go with C in it: the driver is opened and used by C, from threads that Go moves about.
// Ends as C does, with its exit handlers, or with any argument as Go does, without.
package main

/*
#cgo LDFLAGS: -ldl
#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>

typedef int (*init_fn)(unsigned);
typedef int (*retain_fn)(void **, int);
typedef int (*current_fn)(void *);
typedef int (*load_fn)(void **, const void *);
typedef int (*get_fn)(void **, void *, const char *);
typedef int (*launch_fn)(void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,
			 unsigned, void *, void **, void **);
typedef int (*wait_fn)(void);

static const char ptx[] = ".version 8.0\n.target sm_70\n.address_size 64\n"
			  ".visible .entry guest_kernel()\n{\n\tret;\n}\n";
static void *driver, *context, *module, *function;

static int start(void)
{
	driver = dlopen("libcuda.so.1", RTLD_NOW);
	if (!driver)
		return -1;
	return ((init_fn)dlsym(driver, "cuInit"))(0) +
	       ((retain_fn)dlsym(driver, "cuDevicePrimaryCtxRetain"))(&context, 0) +
	       ((current_fn)dlsym(driver, "cuCtxSetCurrent"))(context) +
	       ((load_fn)dlsym(driver, "cuModuleLoadData"))(&module, ptx) +
	       ((get_fn)dlsym(driver, "cuModuleGetFunction"))(&function, module, "guest_kernel");
}

static int launch(void)
{
	return ((current_fn)dlsym(driver, "cuCtxSetCurrent"))(context) +
	       ((launch_fn)dlsym(driver, "cuLaunchKernel"))(function, 1, 1, 1, 1, 1, 1, 0, NULL, NULL,
							    NULL);
}

static int wait_for_all(void)
{
	return ((wait_fn)dlsym(driver, "cuCtxSynchronize"))();
}
*/
import "C"

import (
	"fmt"
	"os"
	"runtime"
	"sync"
)

func main() {
	runtime.LockOSThread()
	fmt.Println("start", C.start())
	var wait sync.WaitGroup
	results := make([]C.int, 16)
	for i := range results {
		wait.Add(1)
		go func(number int) {
			defer wait.Done()
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			for round := 0; round < 20; round++ {
				results[number] += C.launch()
			}
		}(i)
	}
	wait.Wait()
	runtime.GC()
	fmt.Println("launches", results, "wait", C.wait_for_all())
	if len(os.Args) > 1 {
		os.Exit(3)
	}
	C.exit(3)
}
