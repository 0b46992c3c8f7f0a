// SPDX-License-Identifier: Apache-2.0

// Goroutines, garbage, signals and children of a program of Go alone, which the loader never sees.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
)

func main() {
	var wait sync.WaitGroup
	var lock sync.Mutex
	sum := 0
	for i := 0; i < 64; i++ {
		wait.Add(1)
		go func(number int) {
			defer wait.Done()
			garbage := make([]byte, 100000)
			garbage[number] = 1
			lock.Lock()
			sum += number + len(garbage)
			lock.Unlock()
		}(i)
	}
	wait.Wait()
	runtime.GC()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	syscall.Kill(os.Getpid(), syscall.SIGUSR1)
	fmt.Println("sum", sum, "signal", <-signals)
	child, err := exec.Command("/bin/sh", "-c", "echo child; exit 4").Output()
	fmt.Printf("%s%v\n", child, err)
	os.Exit(3)
}
