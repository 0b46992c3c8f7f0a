#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the dashboard rkpreload.json: the one table below is what it is made of.

usage: generate.py [--check]

A row is a title and its panels; a panel is a kind, a title, a width, a unit, a sentence on what
it shows, and queries with their legends. $select stands for the variables that every query
obeys. A test runs all of them against a real Prometheus.
"""
import json
import pathlib
import sys

TARGET = pathlib.Path(__file__).resolve().parent / "rkpreload.json"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
HEIGHT = 8
PROCESS = 'job=~"$job",instance=~"$instance"'
KERNEL = PROCESS + ',device=~"$device",kernel_id=~"$kernel",source=~"$source"'
RATE = "[$__rate_interval]"
DURATION = "rustkernel_execution_duration_seconds"


def quantile(q, by=""):
    return (f"histogram_quantile({q}, sum by (le{', ' + by if by else ''}) "
            f"(rate({DURATION}_bucket{{{KERNEL}}}{RATE})))")


def rate(name, select=PROCESS, by=""):
    return f"sum by ({by}) (rate({name}{{{select}}}{RATE}))"


EXECUTIONS = rate("rustkernel_executions_total", KERNEL)
ERRORS = rate("rustkernel_executions_total", KERNEL + ',status="error"')
FAILING = f"({ERRORS} or vector(0)) / {EXECUTIONS}"
KERNEL_SECONDS = rate(DURATION + "_sum", KERNEL, "device")

ROWS = [
    ("Overview", [
        ("stat", "Executions", 4, "ops", "Kernels that completed, a second.", [(EXECUTIONS, "")]),
        ("stat", "Failing", 4, "percentunit", "Share of executions that failed.", [(FAILING, "")]),
        ("stat", "Latency p99", 4, "s", "GPU time that 99 of 100 executions stay below.",
         [(quantile(0.99), "")]),
        ("stat", "GPU busy", 4, "percentunit",
         "GPU time of kernels per second and device. Kernels that run at the same time add up: it "
         "may be above 100 %.", [(KERNEL_SECONDS, "device {{device}}")]),
        ("stat", "Memory", 4, "bytes", "What the programs hold, all pools.",
         [(f"sum(rustkernel_memory_bytes{{{PROCESS}}})", "")]),
        ("stat", "Lost", 4, "short",
         "Records, spans and messages that were lost in the time shown. Anything but 0 means that "
         "numbers are missing; the reasons are below.",
         [(f"sum(increase(rustkernel_dropped_total{{{PROCESS}}}[$__range]))", "")]),
    ]),
    ("Executions", [
        ("timeseries", "Executions by kernel", 12, "ops", "The ten busiest kernels.",
         [(f"topk(10, {rate('rustkernel_executions_total', KERNEL, 'kernel_id')})",
           "{{kernel_id}}")]),
        ("timeseries", "Executions by domain", 6, "ops", "Domains come from `kernels:` rules.",
         [(rate("rustkernel_executions_total", KERNEL, "domain"), "{{domain}}")]),
        ("timeseries", "Executions by status", 6, "ops", "A launch that failed counts as error.",
         [(rate("rustkernel_executions_total", KERNEL, "status"), "{{status}}")]),
        ("timeseries", "GPU time by kernel", 12, "percentunit",
         "Where the time of the GPU goes: seconds of GPU time per second.",
         [(f"topk(10, {rate(DURATION + '_sum', KERNEL, 'kernel_id')})", "{{kernel_id}}")]),
        ("timeseries", "Failing calls", 12, "ops",
         "CUDA driver calls that failed, by call and error: the ten that fail most.",
         [(f"topk(10, {rate('rustkernel_errors_total', PROCESS, 'api, error')})",
           "{{api}} {{error}}")]),
        ("timeseries", "Launched, not complete", 12, "short",
         "Kernels on their way. Rising without end: a hang, or work that outruns the GPU.",
         [(f"sum by (instance, device) (rustkernel_active_kernels"
           f'{{{PROCESS},device=~"$device"}})', "{{instance}} device {{device}}")]),
        ("timeseries", "Queue depth", 12, "short",
         "What programs report by rk_kernel_metrics_set_queue_depth().",
         [(f'sum by (kernel_id) (rustkernel_queue_depth{{{PROCESS},kernel_id=~"$kernel"}})',
           "{{kernel_id}}")]),
    ]),
    ("Latency", [
        ("timeseries", "Latency", 12, "s",
         "Quantiles of GPU time. The dots are executions; a click opens the trace of one.",
         [(quantile(0.5), "p50"), (quantile(0.95), "p95"), (quantile(0.99), "p99")]),
        ("heatmap", "Latency, heat map", 12, "s", "How many executions took how long.",
         [(f"sum by (le) (increase({DURATION}_bucket{{{KERNEL}}}{RATE}))", "{{le}}")]),
        ("timeseries", "p99 by kernel", 12, "s", "The ten slowest kernels.",
         [(f"topk(10, {quantile(0.99, 'kernel_id')})", "{{kernel_id}}")]),
        ("timeseries", "Mean by kernel", 12, "s", "GPU time divided by executions.",
         [(f"topk(10, {rate(DURATION + '_sum', KERNEL, 'kernel_id')} / "
           f"{rate(DURATION + '_count', KERNEL, 'kernel_id')})", "{{kernel_id}}")]),
    ]),
    ("Idle time", [
        ("timeseries", "What the GPU did", 12, "percentunit",
         "Seconds per second of each device by state: busy, copying, and idle by its cause. The "
         "states of a device sum to 1.",
         [(rate("rustkernel_gpu_seconds_total", PROCESS + ',device=~"$device"', "device, state"),
           "device {{device}} {{state}}")]),
        ("timeseries", "Launch-bound", 12, "percentunit",
         "Share of the time in which a GPU had nothing to do because the host had not launched it.",
         [(rate("rustkernel_gpu_seconds_total",
                PROCESS + ',device=~"$device",state="launch_bound"', "device"),
           "device {{device}}")]),
    ]),
    ("Memory and transfers", [
        ("timeseries", "Memory by pool", 12, "bytes", "What the programs hold, by kind.",
         [(f"sum by (pool) (rustkernel_memory_bytes{{{PROCESS}}})", "{{pool}}")]),
        ("timeseries", "Memory by process", 12, "bytes", "Who holds it.",
         [(f"sum by (job, instance) (rustkernel_memory_bytes{{{PROCESS}}})",
           "{{job}} {{instance}}")]),
        ("timeseries", "Memory, peak", 8, "bytes", "The most that was held at a time, by kind.",
         [(f"sum by (pool) (rustkernel_memory_peak_bytes{{{PROCESS}}})", "{{pool}}")]),
        ("timeseries", "Allocations", 8, "ops", "That succeeded, by kind of memory.",
         [(rate("rustkernel_allocations_total", PROCESS, "pool"), "{{pool}}")]),
        ("timeseries", "Failed allocations", 8, "short",
         "In the interval, because memory was out. Who held it then: the program's log, and "
         "`rktrace report --memory`.",
         [(f"sum by (device, pool) "
           f"(increase(rustkernel_allocation_failures_total{{{PROCESS}}}{RATE}))",
           "device {{device}} {{pool}}")]),
        ("timeseries", "Transfers", 12, "Bps", "Bytes copied or set, a second.",
         [(rate("rustkernel_transfer_bytes_total", PROCESS + ',device=~"$device"', "kind"),
           "{{kind}}")]),
        ("timeseries", "Bandwidth while copying", 12, "Bps", "Bytes by the time the GPU took.",
         [(f"{rate('rustkernel_transfer_bytes_total', PROCESS, 'kind')} / "
           f"{rate('rustkernel_transfer_duration_seconds_sum', PROCESS, 'kind')}", "{{kind}}")]),
    ]),
    ("SLOs", [
        ("state-timeline", "Verdict", 12, "short", "Of each target of each SLO.",
         [(f"max by (slo, target) (rustkernel_slo_state{{{PROCESS}}})", "{{slo}} {{target}}")],
         [("too little data", "gray"), ("met", "green"), ("at risk", "yellow"),
          ("violated", "red")]),
        ("timeseries", "Error budget left", 12, "percentunit", "Of the whole window of the SLO.",
         [(f"min by (slo, target) (rustkernel_slo_budget_left{{{PROCESS}}})",
           "{{slo}} {{target}}")]),
        ("timeseries", "Burn rate", 12, "short",
         "1 spends the budget exactly by the end of the window; 14.4 over an hour is worth a page.",
         [(f"max by (slo, target) (rustkernel_slo_burn_rate_5m{{{PROCESS}}})",
           "{{slo}} {{target}} 5m"),
          (f"max by (slo, target) (rustkernel_slo_burn_rate_1h{{{PROCESS}}})",
           "{{slo}} {{target}} 1h")]),
        ("timeseries", "Headroom", 12, "percentunit",
         "Share of the target that is left; below zero it is exceeded.",
         [(f"min by (slo, target) (rustkernel_slo_headroom{{{PROCESS}}})", "{{slo}} {{target}}")]),
    ]),
    ("Alerts of the programs", [
        ("timeseries", "Firing and pending", 16, "short",
         "Alerts by the rules below alerting: of the programs' own settings.",
         [(f"sum by (rule, severity, state) (rustkernel_alerts{{{PROCESS}}})",
           "{{rule}} ({{severity}}) {{state}}")]),
        ("timeseries", "Notices", 8, "ops", "What channels took and refused.",
         [(rate("rustkernel_notifications_sent_total", PROCESS, "channel"), "{{channel}} sent"),
          (rate("rustkernel_notifications_failed_total", PROCESS, "channel"),
           "{{channel}} failed")]),
    ]),
    ("Circuit breakers", [
        ("state-timeline", "Circuit breakers", 24, "short",
         "Of destinations, and of the programs' own (rk_circuit_breaker_set).",
         [(f"max by (instance, name) (rustkernel_circuit_breaker_state{{{PROCESS}}})",
           "{{name}} ({{instance}})")],
         [("closed", "green"), ("half-open", "yellow"), ("open", "red")]),
    ]),
    ("The tracer itself", [
        ("timeseries", "CPU of the tracer", 8, "percentunit", "Share of one core.",
         [(rate("rustkernel_tracer_cpu_seconds_total", PROCESS, "instance"), "{{instance}}")]),
        ("timeseries", "Lost, by reason", 8, "ops", "docs/metrics.md says what each reason means.",
         [(rate('rustkernel_dropped_total', PROCESS, 'reason'), "{{reason}}")]),
        ("timeseries", "Behind by", 8, "s", "Age of the oldest record when it was taken.",
         [(f"max by (instance) (rustkernel_tracer_lag_seconds{{{PROCESS}}})", "{{instance}}")]),
        ("timeseries", "Spans", 8, "ops", "eligible = sent + sampled_out + dropped + queued.",
         [(rate("rustkernel_tracer_spans_total", PROCESS, "outcome"), "{{outcome}}")]),
        ("timeseries", "Sent and written", 8, "Bps", "Over the network, and to trace files.",
         [(rate("rustkernel_tracer_sent_bytes_total"), "sent"),
          (rate("rustkernel_tracer_written_bytes_total"), "written")]),
        ("timeseries", "Resident memory", 8, "bytes", "Of the traced programs as a whole.",
         [(f"max by (instance) (rustkernel_tracer_process_resident_memory_bytes{{{PROCESS}}})",
           "{{instance}}")]),
        ("timeseries", "Ring depth", 8, "short", "Records that waited in one ring at most.",
         [(f"max by (instance) (rustkernel_tracer_ring_depth{{{PROCESS}}})", "{{instance}}")]),
        ("timeseries", "Folded", 8, "short", "Kernels and series without a name of their own.",
         [(f"sum by () (rustkernel_tracer_folded_kernels{{{PROCESS}}})", "kernels"),
          (f"sum by () (rustkernel_tracer_folded_series{{{PROCESS}}})", "series"),
          (f"sum by () (rustkernel_tracer_refused_names_total{{{PROCESS}}})",
           "names without room")]),
        ("timeseries", "Cost of tracing", 8, "percentunit",
         "Of the time of the threads that use the GPU, with what is allowed. Measured where "
         "overhead.budget is set.",
         [(f"sum by (instance, part) (rate(rustkernel_tracer_overhead_seconds_total{{{PROCESS}}}"
           f"[$__rate_interval])) / on (instance) group_left () sum by (instance) (rate("
           f"rustkernel_tracer_busy_seconds_total{{{PROCESS}}}[$__rate_interval]) > 0)",
           "{{part}} ({{instance}})"),
          (f"max by (instance) (rustkernel_tracer_overhead_budget_ratio{{{PROCESS}}}) > 0",
           "allowed ({{instance}})")]),
        ("state-timeline", "Steps of the overhead governor", 8, "short",
         "What is left out so that tracing stays within its budget; docs/overhead.md says what "
         "each step means.",
         [(f"max by (instance) (rustkernel_tracer_overhead_step{{{PROCESS}}})", "{{instance}}")],
         [("full", "green"), ("no_stacks", "blue"), ("whole_graphs", "purple"),
          ("sampled_spans", "yellow"), ("kernels_only", "orange"), ("counters_only", "red")]),
        ("state-timeline", "Recording", 8, "short",
         "Off: the process was told not to record, by `rktrace ctl` or its settings. What happened "
         "then is in no other panel.",
         [(f"min by (instance) (rustkernel_tracer_recording{{{PROCESS}}})", "{{instance}}")],
         [("off", "gray"), ("on", "green")]),
    ]),
]


def target(number, query, legend, kind):
    one = {"refId": chr(ord("A") + number), "datasource": SOURCE, "expr": query,
           "editorMode": "code", "range": True, "legendFormat": legend or "__auto"}
    if kind == "heatmap":
        one["format"] = "heatmap"
    if kind == "timeseries" and query.startswith("histogram_quantile"):
        one["exemplar"] = True
    return one


LEGEND = {"displayMode": "table", "placement": "right", "showLegend": True,
          "calcs": ["lastNotNull", "max"]}
OPTIONS = {
    "timeseries": {"legend": LEGEND, "tooltip": {"mode": "multi", "sort": "desc"}},
    "stat": {"graphMode": "area", "colorMode": "value", "justifyMode": "auto", "textMode": "auto",
             "orientation": "auto", "reduceOptions": {"calcs": ["lastNotNull"], "values": False}},
    "state-timeline": {"showValue": "never", "alignValue": "left", "mergeValues": True,
                       "legend": {"displayMode": "list", "placement": "bottom",
                                  "showLegend": True, "calcs": []},
                       "tooltip": {"mode": "single", "sort": "none"}},
    "heatmap": {"calculate": False, "color": {"mode": "scheme", "scheme": "Oranges",
                                              "steps": 64, "exponent": 0.5, "reverse": False},
                "cellGap": 1, "yAxis": {"unit": "s"}, "tooltip": {"mode": "single",
                                                                  "showColorScale": True},
                "legend": {"show": True}, "exemplars": {"color": "rgba(255,0,255,0.7)"},
                "showValue": "never", "rowsFrame": {"layout": "auto"}},
}


def mappings(texts):
    return [{"type": "value", "options": {
        str(value): {"text": text, "color": color, "index": value}
        for value, (text, color) in enumerate(texts)}}] if texts else []


def thresholds(title):
    red = {"Lost": 1, "Failing": 0.01}.get(title)
    steps = [{"color": "green", "value": None}]
    return {"mode": "absolute", "steps": steps + ([{"color": "red", "value": red}] if red else [])}


def panel(number, place, kind, title, width, unit, about, queries, texts=()):
    defaults = {"unit": unit, "mappings": mappings(texts), "thresholds": thresholds(title),
                "noValue": "no data"}
    if kind == "timeseries":
        defaults |= {"custom": {"drawStyle": "line", "fillOpacity": 10,
                                          "showPoints": "never", "spanNulls": False}}
    return {"id": number, "type": kind, "title": title, "description": about,
            "datasource": SOURCE, "gridPos": {"x": place[0], "y": place[1], "w": width,
                                              "h": HEIGHT // 2 if kind == "stat" else HEIGHT},
            "targets": [target(i, query, legend, kind)
                        for i, (query, legend) in enumerate(queries)],
            "fieldConfig": {"defaults": defaults, "overrides": []}, "options": OPTIONS[kind]}


def panels():
    made, y = [], 0
    for title, row in ROWS:
        made.append({"id": len(made) + 1, "type": "row", "title": title, "collapsed": False,
                     "panels": [], "gridPos": {"x": 0, "y": y, "w": 24, "h": 1}})
        x, y, height = 0, y + 1, 0
        for one in row:
            if x + one[2] > 24:
                x, y, height = 0, y + height, 0
            made.append(panel(len(made) + 1, (x, y), *one))
            x, height = x + one[2], max(height, made[-1]["gridPos"]["h"])
        y += height
    return made


def variable(name, label, query, **more):
    return {"type": "query", "name": name, "label": label, "datasource": SOURCE,
            "query": {"query": query, "refId": name}, "refresh": 2, "sort": 1,
            "multi": True, "includeAll": True, "allValue": ".*", "hide": 0,
            "current": {"selected": True, "text": ["All"], "value": ["$__all"]}, **more}


def variables():
    """The rank narrows the instances: it is a resource attribute, not a label of every series."""
    return [
        {"type": "datasource", "name": "datasource", "label": "Data source",
         "query": "prometheus", "hide": 0, "refresh": 1, "multi": False, "includeAll": False},
        variable("job", "Job", "label_values(rustkernel_executions_total, job)"),
        variable("rank", "Rank", 'label_values(target_info{job=~"$job"}, rustkernel_rank)'),
        variable("instance", "Instance",
                 'label_values(target_info{job=~"$job",rustkernel_rank=~"$rank"}, instance)'),
        variable("device", "Device",
                 f"label_values(rustkernel_executions_total{{{PROCESS}}}, device)"),
        variable("kernel", "Kernel",
                 f"label_values(rustkernel_executions_total{{{PROCESS}}}, kernel_id)"),
        # Never summed over: the same work may be counted by the GPU and by the program itself.
        variable("source", "Source", f"label_values(rustkernel_executions_total{{{PROCESS}}}, "
                 "source)", multi=False, includeAll=False, allValue=None,
                 current={"selected": True, "text": "gpu", "value": "gpu"}),
    ]


def dashboard():
    return {
        "uid": "rkpreload", "title": "rkpreload: GPU work", "tags": ["rkpreload", "gpu", "cuda"],
        "description": "What CUDA programs do, as librkpreload.so sees it.",
        "schemaVersion": 39, "version": 1, "editable": True, "graphTooltip": 1,
        "timezone": "browser", "refresh": "10s", "time": {"from": "now-30m", "to": "now"},
        "templating": {"list": variables()}, "annotations": {"list": []}, "links": [],
        "panels": panels(),
    }


def main():
    text = json.dumps(dashboard(), indent=1) + "\n"
    if sys.argv[1:] == ["--check"]:
        if not TARGET.exists() or TARGET.read_text() != text:
            sys.exit(f"{TARGET.name} is not what generate.py makes: run it")
        return
    TARGET.write_text(text)


if __name__ == "__main__":
    main()
