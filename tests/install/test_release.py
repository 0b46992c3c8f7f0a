# SPDX-License-Identifier: Apache-2.0
"""The release: a tarball that builds and passes alone, and packages that install, work and go.

The tarball is made by "meson dist" from what is committed, and unpacked; the packages are built in
it, without git. debian/rules runs a quick part of the tests there. The packages are installed into
a copy of this machine's root folder that is thrown away (an overlay), or where that cannot be had,
and we are root, on this machine itself.

RK_BUILD: the build folder. RK_CUDA: the toolkit. RK_KEEP=1 leaves RK_BUILD/release to be looked at.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import unittest

TREE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ["RK_BUILD"]).resolve()
FOLDER = BUILD / "release"
PACKAGES = {"librkpreload", "librkpreload-dev", "python3-rustkernel", "rkpreload-examples",
            "rkpreload-tools"}
# $1 a folder to mount on, $2 what to run in it, the rest its arguments.
IN_OVERLAY = """
set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
for place in proc dev; do mount --rbind "/$place" "$1/root/$place"; done
mkdir -p "$1/root/$3"
mount --bind "$3" "$1/root/$3"
exec chroot "$1/root" sh "$2" "$3"
"""


def run(*argv, **more):
    done = subprocess.run([str(word) for word in argv], stdout=subprocess.PIPE, text=True, check=False,
                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, **more)
    if done.returncode:
        raise AssertionError(f"{argv}: {done.returncode}\n{done.stdout[-6000:]}")
    return done.stdout


def setup_packages():
    """Debian's names of what tools/setup brings for a build."""
    text = (TREE / "tools" / "setup").read_text(encoding="utf-8")
    return set(re.findall(r"^build (\S+) ", text, re.M))


class Words(unittest.TestCase):
    """What is written twice says the same."""

    def test_version(self):
        version = re.search(r"version: '([^']+)'", (TREE / "meson.build").read_text(encoding="utf-8")).group(1)
        first = (TREE / "debian" / "changelog").read_text(encoding="utf-8").split("\n")[0]
        self.assertTrue(first.startswith(f"rkpreload ({version}) "), first)

    def test_build_depends(self):
        control = (TREE / "debian" / "control").read_text(encoding="utf-8")
        field = re.search(r"^Build-Depends: (.*?)\n\n", control, re.M | re.S).group(1)
        named = {entry.split()[0] for entry in field.split(",") if entry.strip()}
        # Every build of Debian's has these; libunwind8 is opened when a program runs.
        given = {"gcc", "libc6-dev", "ca-certificates", "libunwind8"}
        self.assertEqual(named - {"debhelper-compat", "dh-python", "cuda-toolkit-13-0"}, setup_packages() - given)


class Release(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        shutil.rmtree(FOLDER, ignore_errors=True)
        if not os.environ.get("RK_KEEP"):
            cls.addClassCleanup(shutil.rmtree, FOLDER, ignore_errors=True)
        for step in (cls.make_tarball, cls.make_packages):
            step()

    @classmethod
    def make_tarball(cls):
        cls.tarball = cls.dist() if (TREE / ".git").exists() else cls.archive()
        with tarfile.open(cls.tarball) as archive:
            cls.members = archive.getmembers()
        FOLDER.mkdir()
        run("tar", "-C", FOLDER, "-xf", cls.tarball)
        cls.tree, = FOLDER.iterdir()

    @staticmethod
    def dist():
        shutil.rmtree(BUILD / "meson-dist", ignore_errors=True)
        run("meson", "dist", "-C", BUILD, "--no-tests", "--formats", "xztar", "--allow-dirty")
        return next((BUILD / "meson-dist").glob("*.tar.xz"))

    @staticmethod
    def archive():
        """Of a tree that came as a tarball itself."""
        path = BUILD / "rkpreload-again.tar.xz"
        run("tar", "-C", TREE, "-cJf", path, "--transform", "s,^[.],rkpreload-again,", "--exclude=./build",
            "--exclude=./out", "--exclude=__pycache__", ".")
        return path

    @classmethod
    def make_packages(cls):
        tools = FOLDER / "tools"
        tools.mkdir()
        # A release has no history: whoever asks for it is told so.
        (tools / "git").write_text("#!/bin/sh\necho 'no git here' >&2\nexit 128\n")
        (tools / "git").chmod(0o755)
        env = {name: os.environ[name] for name in ("HOME", "LANG", "LC_ALL") if name in os.environ}
        env.update(PATH=f"{tools}:{os.environ['PATH']}", CUDA_HOME=os.environ["RK_CUDA"],
                   PYTHONDONTWRITEBYTECODE="1",
                   DEB_BUILD_OPTIONS=f"noautodbgsym parallel={os.cpu_count()}",
                   CCACHE_DIR=os.environ.get("CCACHE_DIR", os.path.expanduser("~/.cache/ccache")))
        cls.log = run("dpkg-buildpackage", "-b", "-uc", "-us", "-Ppkg.rkpreload.cuda-home", cwd=cls.tree, env=env)
        cls.packages = FOLDER / "packages"
        cls.packages.mkdir()
        for path in FOLDER.glob("*.deb"):
            shutil.copy(path, cls.packages)
        shutil.copy(cls.tree / "debian" / "tests" / "smoke", cls.packages)

    def field(self, package, name):
        path, = self.packages.glob(f"{package}_*.deb")
        return run("dpkg-deb", "-f", path, name).strip()

    def test_tarball(self):
        top = self.tree.name
        for member in self.members:
            self.assertFalse(set(member.name.split("/")) & {".git", "build", "out", "__pycache__"}, member.name)
            self.assertTrue(member.isfile() or member.isdir(), f"{member.name}: neither file nor folder")
        names = {member.name for member in self.members}
        for name in ("README.md", "LICENSE", "tools/setup", "tests/run", "debian/rules"):
            self.assertIn(f"{top}/{name}", names)

    def test_passes(self):
        """Tests were run in it, and all of them passed."""
        counts = dict(re.findall(r"^(Ok|Fail|Timeout): +(\d+)", self.log, re.M))
        self.assertGreater(int(counts.pop("Ok", 0)), 100)
        self.assertEqual(counts, {"Fail": "0", "Timeout": "0"})

    def test_fields(self):
        self.assertEqual({path.name.split("_")[0] for path in self.packages.glob("*.deb")}, PACKAGES)
        library, tools = (self.field(name, "Depends") for name in ("librkpreload", "rkpreload-tools"))
        for name in ("libcurl4", "libmicrohttpd12", "libnghttp2-14", "libprotobuf-c1", "libssl3", "zlib1g"):
            self.assertRegex(library, rf"\b{name}(t64)?\b")
        self.assertNotIn("libstdc++", library)
        self.assertIn("librkpreload (= ", tools)
        # What only looks like NVIDIA's is neither needed nor offered.
        for name in PACKAGES:
            self.assertNotRegex(self.field(name, "Depends") + self.field(name, "Provides"), "cuda|cupti")
        path, = self.packages.glob("rkpreload-examples_*.deb")
        self.assertNotIn("shlibs", run("dpkg-deb", "-I", path))

    def test_lintian(self):
        """Debian's own judgement: no error."""
        if not shutil.which("lintian"):
            self.skipTest("lintian is not installed")
        changes, = FOLDER.glob("*.changes")
        # The address of the maintainers is one of documentation.
        run("lintian", "--allow-root", "--fail-on", "error", "--suppress-tags",
            "bogus-mail-host-in-debian-changelog,bogus-mail-host", changes)

    def install(self):
        """Returns what was said, and how."""
        mount = FOLDER / "mount"
        mount.mkdir()
        script = pathlib.Path(__file__).with_name("packages.sh")
        shutil.copy(script, self.packages)
        inner = self.packages / script.name
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        probe = ["unshare", "--mount", *user, "sh", "-c"]
        env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
               "DEBIAN_FRONTEND": "noninteractive"}
        trial = IN_OVERLAY.replace('sh "$2" "$3"', "true")
        arguments = ["packages", mount, inner, self.packages]
        if not subprocess.run([*probe, trial, *map(str, arguments)], capture_output=True, check=False).returncode:
            return run(*probe, IN_OVERLAY, *arguments, env=env), "in an overlay"
        if os.geteuid() != 0:
            self.skipTest("neither root nor an overlay in a user namespace: nowhere to install")
        done = subprocess.run(["dpkg-query", "-W", *sorted(PACKAGES)], capture_output=True, text=True, check=False)
        if done.stdout.strip():
            self.skipTest("the packages are installed on this machine, and no overlay can be had")
        return run("sh", inner, self.packages, env=env), "on this machine"

    def test_install_use_remove(self):
        said, where = self.install()
        print(f"installed {where}")
        self.assertIn("smoke: ok\n", said)
        self.assertTrue(said.endswith("packages: ok\n"), said)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
