# SPDX-License-Identifier: Apache-2.0
"""What we render is what the parsers of others read. Argument: the program render_metrics."""
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
    return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in families for sample in family.samples}


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
    text = samples_of(text_parser.text_string_to_metric_families(render("text")))
    openmetrics = samples_of(
        openmetrics_parser.text_string_to_metric_families(render("openmetrics")))
    assert text == openmetrics, set(text.items()) ^ set(openmetrics.items())
    check_histograms(text)
    kernels = sum(value for (name, _), value in text.items()
                  if name == "rustkernel_executions_total")
    assert kernels == sum(value for (name, _), value in text.items()
                          if name == "rustkernel_execution_duration_seconds_count"), kernels
    assert kernels > 400, kernels


main()
