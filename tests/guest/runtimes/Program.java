// SPDX-License-Identifier: Apache-2.0

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.stream.IntStream;

/** Threads, garbage, a null that is caught by a signal, a child; a library, if one is given. */
public class Program {
    static String nothing;

    public static void main(String[] arguments) throws Exception {
        if (arguments.length > 0) {
            System.load(arguments[0]);
            System.out.println("loaded");
        }
        long sum = IntStream.range(0, 1000).parallel().mapToLong(i -> new byte[10000 + i].length).sum();
        System.gc();
        int caught = 0;
        for (int i = 0; i < 1000; i++) {
            try {
                caught += nothing.length();
            } catch (NullPointerException expected) {
                caught++;
            }
        }
        System.out.println("sum " + sum + " caught " + caught);
        Process child = new ProcessBuilder("/bin/sh", "-c", "echo child; exit 4").start();
        BufferedReader reader = new BufferedReader(new InputStreamReader(child.getInputStream()));
        System.out.println(reader.readLine() + " " + child.waitFor());
        System.exit(3);
    }
}
