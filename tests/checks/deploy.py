#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What deploy/ has for others to read, by the published schema of who reads it, or by itself.

Kubernetes by its OpenAPI schemas, compose by the Compose specification, the drop-in by
systemd-analyze, our own settings by rktrace, the Grafana provisioning by what it refers to.
Prometheus's files are judged by prometheus_rules.py, the Collector's by the Collector (tests/slow).
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import warnings

import common

try:
    import jsonschema
    import yaml
except ImportError as missing:
    common.skip(f"{missing}: tools/setup brings it")

KUBERNETES = "v1.36.0-local-strict"
KUBERNETES_BASE = "https://kubernetes.io/api/"   # where the schemas say that they are
warnings.filterwarnings("ignore", category=DeprecationWarning)
SCHEMAS = common.ROOT / "build" / "deploy"
COMPOSE_SCHEMA = "compose_spec.json"


def documents(path):
    return [document for document in yaml.safe_load_all((common.ROOT / path).read_text()) if document]


def judge(schema, resolver, document):
    validator = jsonschema.validators.validator_for(schema)(schema, resolver=resolver)
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}"
            for error in validator.iter_errors(document)]


def kubernetes_schema(document):
    """File of the schema: kind-group-version.json, without the domain of the group."""
    group, _, version = document["apiVersion"].rpartition("/")
    words = [document["kind"], *([group.split(".")[0]] if group else []), version]
    return "-".join(words).lower() + ".json"


def check_kubernetes(document):
    folder = SCHEMAS / "kubernetes_validate" / "kubernetes-json-schema" / KUBERNETES
    file = folder / kubernetes_schema(document)
    if not file.exists():
        return [f"no such kind in Kubernetes: {file.name}"]
    schema = json.loads(file.read_text())
    resolver = jsonschema.RefResolver.from_schema(schema, store={
        KUBERNETES_BASE + "_definitions.json": json.loads((folder / "_definitions.json").read_text())})
    return judge(schema, resolver, document)


def check_variables(path, document):
    """Variables of ours in manifests are rows of the table."""
    known = set(re.findall(r"RUSTKERNEL_\w+", (common.ROOT / "docs/env_vars.md").read_text()))
    return [f"no such setting: {name}"
            for name in re.findall(r"RUSTKERNEL_\w+", json.dumps(document)) if name not in known]


def check_compose(document):
    schema = json.loads((SCHEMAS / COMPOSE_SCHEMA).read_text())
    return judge(schema, jsonschema.RefResolver.from_schema(schema), document)


def check_mounts(path, document):
    """Files that a container is given are there."""
    folder = (common.ROOT / path).parent
    found = []
    for name, service in document["services"].items():
        for volume in service.get("volumes", []):
            if not (folder / volume.split(":")[0]).exists():
                found.append(f"{name}: no such file: {volume.split(':')[0]}")
        build = service.get("build")
        if build and not (folder / build["context"] / build["dockerfile"]).exists():
            found.append(f"{name}: no such file: {build['dockerfile']}")
    return found


def check_drop_in(path):
    """systemd-analyze reads the service with its drop-in and has nothing to say."""
    with tempfile.TemporaryDirectory(prefix="rk-systemd-") as folder:
        unit = pathlib.Path(folder) / "example.service"
        unit.write_text("[Unit]\nDescription=example\n[Service]\nExecStart=/bin/true\n")
        (pathlib.Path(folder) / "example.service.d").mkdir()
        shutil.copy(common.ROOT / path, pathlib.Path(folder) / "example.service.d")
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], check=False,
                              capture_output=True, text=True, timeout=60)
    return [line for line in (done.stdout + done.stderr).splitlines() if "example" in line
            or pathlib.Path(path).name in line]


def check_settings(path):
    """rktrace finds nothing wrong with a file of settings."""
    rktrace = pathlib.Path(os.environ.get("RK_MESON_BUILD", "")) / "tools" / "rktrace"
    if not rktrace.exists():
        return []
    done = subprocess.run([rktrace, "config", "--check", str(path)], check=False,
                          capture_output=True, text=True, timeout=60)
    return (done.stderr or "failed").splitlines() if done.returncode else []


def check_provisioning():
    sources = documents("deploy/grafana/provisioning/datasources/rkpreload.yml")[0]["datasources"]
    uids = {source["uid"] for source in sources}
    wanted = {link["datasourceUid"] for source in sources
              for link in source.get("jsonData", {}).get("exemplarTraceIdDestinations", [])}
    return [f"no data source has the uid {uid}" for uid in wanted - uids]


def self_test():
    job = documents("deploy/kubernetes/job.yml")[0]
    assert not check_kubernetes(job)
    job["spec"]["template"]["spec"]["containers"][0]["commands"] = ["x"]
    assert check_kubernetes(job), "a slip is not seen"
    compose = documents("deploy/compose/compose.yml")[0]
    assert not check_compose(compose)
    compose["services"]["demo"]["imagge"] = "x"
    assert check_compose(compose), "a slip is not seen"
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as slip:
        slip.write("[Service]\nEnvironments=A=b\n")
        slip.flush()
        assert check_drop_in(slip.name), "a slip is not seen"


def main():
    if not (SCHEMAS / COMPOSE_SCHEMA).exists() or not shutil.which("systemd-analyze"):
        common.skip("no schemas, or no systemd-analyze: tools/setup brings them")
    self_test()
    found = []
    for path in common.tracked(".yml"):
        if not path.startswith("deploy/"):
            continue
        for document in documents(path):
            here = check_variables(path, document)
            if path.startswith("deploy/kubernetes/"):
                here += check_kubernetes(document)
            if path == "deploy/compose/rkpreload.yml":
                here += check_settings(common.ROOT / path)
            if path == "deploy/compose/compose.yml":
                here += check_compose(document) + check_mounts(path, document)
            found += [f"{path}: {line}" for line in here]
    drop_in = "deploy/systemd/rkpreload.conf"
    text = (common.ROOT / drop_in).read_text()
    found += [f"{drop_in}: {line}" for line in check_drop_in(drop_in) + check_variables(drop_in, text)]
    found += [f"deploy/grafana/provisioning: {line}" for line in check_provisioning()]
    common.finish(found)


if __name__ == "__main__":
    main()
