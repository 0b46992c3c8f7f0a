#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Print the targets of a build folder that are installed, for ninja: all but the tests.

usage: installed.py BUILD_FOLDER
"""
import json
import os
import subprocess
import sys


def main():
    folder = sys.argv[1]
    done = subprocess.run(["meson", "introspect", folder, "--targets"], check=True, capture_output=True)
    for target in json.loads(done.stdout):
        if target["installed"]:
            print(os.path.relpath(target["filename"][0], os.path.abspath(folder)))


main()
