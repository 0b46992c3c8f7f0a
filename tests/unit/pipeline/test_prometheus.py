# SPDX-License-Identifier: Apache-2.0
"""What we render is what the parsers of others read. Argument: the program render_metrics."""
import shutil
import subprocess
import sys

try:
    from prometheus_client import parser as text_parser
    from prometheus_client.openmetrics import parser as openmetrics_parser
except ImportError:
    print("prometheus_client is not installed")
    sys.exit(77)


def render(kind):
    return subprocess.run([sys.argv[1], kind], check=True, capture_output=True,
                          text=True).stdout


def samples_of(families):
    """What both formats must agree on: two renderings are two moments of the process."""
    return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in families for sample in family.samples
            if not sample.name.startswith("process_")}


def check_exemplars(families):
    """Only on buckets, inside of them, newest of their bucket, at most 128 characters."""
    found = 0
    for family in families:
        for sample in family.samples:
            if not sample.exemplar:
                continue
            assert sample.name == "rustkernel_execution_duration_seconds_bucket", sample.name
            assert sorted(sample.exemplar.labels) == ["span_id", "trace_id"]
            assert sum(len(k) + len(v) for k, v in sample.exemplar.labels.items()) == 63
            assert 0 < sample.exemplar.value <= float(sample.labels["le"])
            assert 1.7e9 <= float(sample.exemplar.timestamp) < 1.8e9
            found += 1
    assert found >= 2, found


def check_process(families):
    names = [sample.name for family in families for sample in family.samples]
    for name in ["process_cpu_seconds_total", "process_open_fds", "process_max_fds",
                 "process_virtual_memory_bytes", "process_resident_memory_bytes",
                 "process_start_time_seconds", "target_info"]:
        assert names.count(name) == 1, name


def check_said(samples):
    """What the program says of itself, in families that are its own and in ours."""
    labels = (("_le", "1"), ("_name", "y"), ("_0d", "z"), ("route", '/a"b\\c\nx'))
    web = tuple(sorted(labels + (("domain", "Web"),)))
    labels = tuple(sorted(labels))
    assert samples["jobs_total", web] == 2.25
    assert samples["sent_bytes_total", labels] == 2.25
    assert samples["_3_nodes_fill_ratio", labels] == 2
    assert samples["wait_seconds_count", web] == 2
    assert samples["batch_sum", labels] == 2.25
    assert samples["rustkernel_tracer_refused_metrics", ()] == 4
    kernel = (("domain", "Graph"), ("kernel_id", "graph/pagerank"))
    assert samples["rustkernel_queue_depth", kernel] == 2
    assert samples["rustkernel_memory_bytes", (("device", ""), ("pool", "user"))] == 2


def check_with_promtool(text):
    if not shutil.which("promtool"):
        return
    done = subprocess.run(["promtool", "check", "metrics"], input=text.encode(), check=False,
                          capture_output=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, b""), done


def check_histograms(samples):
    checked = 0
    for (name, labels), count in samples.items():
        if not name.endswith("_seconds_count"):
            continue
        bucket = name[:-len("_count")] + "_bucket"
        counts = [(float(dict(key[1])["le"]), value) for key, value in samples.items()
                  if key[0] == bucket
                  and tuple(item for item in key[1] if item[0] != "le") == labels]
        counts.sort()
        assert [value for _, value in counts] == sorted(value for _, value in counts), name
        assert counts[-1] == (float("inf"), count), name
        checked += 1
    assert checked >= 3, checked


def main():
    rendered = render("text")
    families = list(openmetrics_parser.text_string_to_metric_families(render("openmetrics")))
    text = samples_of(text_parser.text_string_to_metric_families(rendered))
    openmetrics = samples_of(families)
    assert text == openmetrics, set(text.items()) ^ set(openmetrics.items())
    check_histograms(text)
    check_exemplars(families)
    check_process(families)
    check_said(text)
    check_with_promtool(rendered)
    assert text["target_info", (("host_name", 'h"\\;again'), ("service_name", "story"))] == 1
    kernels = sum(value for (name, _), value in text.items()
                  if name == "rustkernel_executions_total")
    assert kernels == sum(value for (name, _), value in text.items()
                          if name == "rustkernel_execution_duration_seconds_count"), kernels
    assert kernels > 400, kernels


main()
