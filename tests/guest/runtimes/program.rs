// SPDX-License-Identifier: Apache-2.0

//! Opens the driver by the C library's own functions and launches from several threads.
use std::ffi::{c_char, c_int, c_uint, c_void, CString};
use std::mem::transmute;
use std::ptr::{null, null_mut};
use std::thread;

extern "C" {
    fn dlopen(name: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
}

const RTLD_NOW: c_int = 2;
const PTX: &str = ".version 8.0\n.target sm_70\n.address_size 64\n\
                   .visible .entry guest_kernel()\n{\n\tret;\n}\n";

type Init = extern "C" fn(c_uint) -> c_int;
type Retain = extern "C" fn(*mut *mut c_void, c_int) -> c_int;
type SetCurrent = extern "C" fn(*mut c_void) -> c_int;
type Load = extern "C" fn(*mut *mut c_void, *const c_char) -> c_int;
type Get = extern "C" fn(*mut *mut c_void, *mut c_void, *const c_char) -> c_int;
type Launch = extern "C" fn(*mut c_void, c_uint, c_uint, c_uint, c_uint, c_uint, c_uint, c_uint,
                            *const c_void, *const c_void, *const c_void) -> c_int;
type Wait = extern "C" fn() -> c_int;

fn find(driver: usize, name: &str) -> *mut c_void {
    let text = CString::new(name).unwrap();
    let found = unsafe { dlsym(driver as *mut c_void, text.as_ptr()) };
    assert!(!found.is_null(), "{name}");
    found
}

fn main() {
    let name = CString::new("libcuda.so.1").unwrap();
    let driver = unsafe { dlopen(name.as_ptr(), RTLD_NOW) } as usize;
    assert!(driver != 0);
    let ptx = CString::new(PTX).unwrap();
    let kernel = CString::new("guest_kernel").unwrap();
    let (mut context, mut module, mut function) = (null_mut(), null_mut(), null_mut());
    let init: Init = unsafe { transmute(find(driver, "cuInit")) };
    let retain: Retain = unsafe { transmute(find(driver, "cuDevicePrimaryCtxRetain")) };
    let set_current: SetCurrent = unsafe { transmute(find(driver, "cuCtxSetCurrent")) };
    let load: Load = unsafe { transmute(find(driver, "cuModuleLoadData")) };
    let get: Get = unsafe { transmute(find(driver, "cuModuleGetFunction")) };
    let wait: Wait = unsafe { transmute(find(driver, "cuCtxSynchronize")) };
    println!("start {} {} {}", init(0), retain(&mut context, 0), set_current(context));
    println!("kernel {} {}", load(&mut module, ptx.as_ptr()),
             get(&mut function, module, kernel.as_ptr()));
    let (context, function) = (context as usize, function as usize);
    let workers: Vec<_> = (0..4).map(|_| thread::spawn(move || {
        let launch: Launch = unsafe { transmute(find(driver, "cuLaunchKernel")) };
        let mut failures = set_current(context as *mut c_void);
        for _ in 0..50 {
            failures += launch(function as *mut c_void, 1, 1, 1, 1, 1, 1, 0, null(), null(), null());
        }
        failures
    })).collect();
    let failures: Vec<_> = workers.into_iter().map(|worker| worker.join().unwrap()).collect();
    println!("failures {failures:?} wait {}", wait());
    std::panic::set_hook(Box::new(|_| {}));
    let caught = std::panic::catch_unwind(|| panic!("unwound"));
    println!("panic {}", caught.is_err());
    std::process::exit(3);
}
