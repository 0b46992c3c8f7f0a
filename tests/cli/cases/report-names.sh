make_trace t.rkt.zst clean
for names in base demangled mangled; do rktrace report --$names --csv t.rkt.zst | grep kernels | cut -d, -f2,3,13-; done
