# SPDX-License-Identifier: Apache-2.0
"""What the receivers of alerts take, as their documentation has it. Nothing is believed.

Each check takes the bytes of a request's body and returns a list of what is wrong with it.
"""
import datetime
import json
import re

LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*\Z")
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)\Z")
NO_TIME = "0001-01-01T00:00:00Z"
# Slack reads these three and links; anything else with them is text that was not escaped.
SLACK_MARKUP = re.compile(r"&(amp|lt|gt);|<https?://[^<>|]*\|[^<>|]*>")
SLACK_BYTES_MAX = 40000
PAGERDUTY_BYTES_MAX = 512 * 1024


class Findings(list):
    def need(self, is_right, text):
        if not is_right:
            self.append(text)
        return is_right

    def is_text(self, value, where, longest=None, shortest=1):
        return (self.need(isinstance(value, str), f"{where}: {value!r} is no text")
                and self.need(len(value) >= shortest, f"{where}: is empty")
                and self.need(longest is None or len(value) <= longest,
                              f"{where}: {len(value)} characters"))

    def has_keys(self, value, where, required, optional=()):
        if not self.need(isinstance(value, dict), f"{where}: is no object"):
            return False
        for key in required:
            self.need(key in value, f"{where}: {key} is missing")
        for key in value:
            self.need(key in required or key in optional, f"{where}: {key} is unknown")
        return all(key in value for key in required)

    def is_time(self, value, where):
        if not self.is_text(value, where) or \
                not self.need(RFC_3339.match(value), f"{where}: {value!r} is no time"):
            return
        datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))

    def is_labels(self, value, where, names=None):
        if not self.need(isinstance(value, dict), f"{where}: is no object"):
            return
        for name, text in value.items():
            self.need(names is None or names.match(name), f"{where}: name {name!r}")
            self.is_text(text, f"{where}.{name}")


def no_key_twice(pairs):
    keys = [key for key, _ in pairs]
    twice = {key for key in keys if keys.count(key) > 1}
    if twice:
        raise ValueError(f"keys twice: {sorted(twice)}")
    return dict(pairs)


def read(body, findings):
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=no_key_twice)
    except ValueError as error:
        findings.append(f"no JSON: {error}")
        return None


def slack_text(findings, value, where, longest):
    if not findings.has_keys(value, where, ["type", "text"]):
        return
    findings.need(value["type"] == "mrkdwn", f"{where}: type {value['type']}")
    slack_markup(findings, value["text"], f"{where}.text", longest)


def slack_markup(findings, text, where, longest):
    if findings.is_text(text, where, longest):
        left = SLACK_MARKUP.sub("", text)
        findings.need(not set("&<>") & set(left), f"{where}: not escaped: {text!r}")


def slack_block(findings, block, where):
    kind = block.get("type")
    if kind == "section":
        findings.has_keys(block, where, ["type"], ["text", "fields"])
        findings.need("text" in block or "fields" in block, f"{where}: is empty")
        if "text" in block:
            slack_text(findings, block["text"], f"{where}.text", 3000)
        findings.need(1 <= len(block.get("fields", [0])) <= 10, f"{where}: fields")
        for i, field in enumerate(block.get("fields", [])):
            slack_text(findings, field, f"{where}.fields[{i}]", 2000)
    elif kind == "context":
        findings.has_keys(block, where, ["type", "elements"])
        findings.need(1 <= len(block["elements"]) <= 10, f"{where}: elements")
        for i, element in enumerate(block["elements"]):
            slack_text(findings, element, f"{where}.elements[{i}]", 3000)
    else:
        findings.append(f"{where}: type {kind!r}")


def slack(body):
    """Incoming webhooks: message payload, secondary attachments, Block Kit's limits."""
    findings = Findings()
    findings.need(len(body) <= SLACK_BYTES_MAX, f"{len(body)} bytes")
    message = read(body, findings)
    if message is None or not findings.has_keys(
            message, "message", ["text", "attachments"],
            ["channel", "username", "icon_emoji", "icon_url"]):
        return findings
    slack_markup(findings, message["text"], "text", 4000)
    findings.need(1 <= len(message["attachments"]) <= 20, "number of attachments")
    for i, attachment in enumerate(message["attachments"]):
        where = f"attachments[{i}]"
        if not findings.has_keys(attachment, where, ["fallback", "blocks"], ["color"]):
            continue
        findings.need(re.fullmatch("#[0-9a-f]{6}", attachment.get("color", "#000000")),
                      f"{where}.color")
        findings.is_text(attachment["fallback"], f"{where}.fallback")
        findings.need(1 <= len(attachment["blocks"]) <= 50, f"{where}: blocks")
        for j, block in enumerate(attachment["blocks"]):
            slack_block(findings, block, f"{where}.blocks[{j}]")
    return findings


def pagerduty(body):
    """Events API v2: POST /v2/enqueue."""
    findings = Findings()
    findings.need(len(body) <= PAGERDUTY_BYTES_MAX, f"{len(body)} bytes")
    event = read(body, findings)
    if event is None or not findings.has_keys(
            event, "event", ["routing_key", "event_action", "dedup_key"],
            ["payload", "client", "client_url", "links", "images"]):
        return findings
    findings.is_text(event["routing_key"], "routing_key")
    findings.is_text(event["dedup_key"], "dedup_key", 255)
    findings.need(event["event_action"] in ("trigger", "resolve"), "event_action")
    if event["event_action"] == "resolve":
        findings.need("payload" not in event, "a resolve needs no payload")
        return findings
    payload = event.get("payload")
    if not findings.has_keys(payload, "payload", ["summary", "source", "severity"],
                             ["timestamp", "component", "group", "class", "custom_details"]):
        return findings
    findings.is_text(payload["summary"], "summary", 1024)
    findings.is_text(payload["source"], "source")
    findings.need(payload["severity"] in ("critical", "error", "warning", "info"), "severity")
    if "timestamp" in payload:
        findings.is_time(payload["timestamp"], "timestamp")
    for name in ("component", "group", "class"):
        if name in payload:
            findings.is_text(payload[name], name)
    findings.need(isinstance(payload.get("custom_details", {}), dict), "custom_details")
    return findings


def alertmanager(body):
    """api/v2/openapi.yaml: postableAlerts."""
    findings = Findings()
    alerts = read(body, findings)
    if not findings.need(isinstance(alerts, list) and alerts, "is no list of alerts"):
        return findings
    for i, alert in enumerate(alerts):
        where = f"[{i}]"
        if not findings.has_keys(alert, where, ["labels"],
                                 ["annotations", "startsAt", "endsAt", "generatorURL"]):
            continue
        findings.is_labels(alert["labels"], f"{where}.labels", LABEL_NAME)
        findings.need("alertname" in alert["labels"], f"{where}: no alertname")
        findings.is_labels(alert.get("annotations", {}), f"{where}.annotations", LABEL_NAME)
        for name in ("startsAt", "endsAt"):
            if name in alert:
                findings.is_time(alert[name], f"{where}.{name}")
        if {"startsAt", "endsAt"} <= set(alert):
            findings.need(alert["startsAt"] <= alert["endsAt"], f"{where}: ends before it starts")
    return findings


def webhook(body):
    """Alertmanager's webhook_config, version 4, and what docs/alerts.md adds."""
    findings = Findings()
    message = read(body, findings)
    if message is None or not findings.has_keys(message, "message", [
            "version", "groupKey", "truncatedAlerts", "status", "receiver", "groupLabels",
            "commonLabels", "commonAnnotations", "externalURL", "alerts",
            "format", "time", "repeat", "source", "service"]):
        return findings
    findings.need(message["version"] == "4" and message["format"] == "rkpreload/1", "version")
    findings.need(message["status"] in ("firing", "resolved"), "status")
    findings.is_time(message["time"], "time")
    for name in ("groupLabels", "commonLabels", "commonAnnotations"):
        findings.is_labels(message[name], name)
    findings.need(message["truncatedAlerts"] >= 0 and message["repeat"] >= 0, "counts")
    findings.need(message["alerts"], "no alerts")
    for i, alert in enumerate(message["alerts"]):
        where = f"alerts[{i}]"
        if not findings.has_keys(alert, where, [
                "status", "labels", "annotations", "startsAt", "endsAt", "generatorURL",
                "fingerprint", "value", "threshold", "unit"], ["traceId", "spanId"]):
            continue
        findings.is_labels(alert["labels"], f"{where}.labels", LABEL_NAME)
        findings.is_labels(alert["annotations"], f"{where}.annotations")
        findings.is_time(alert["startsAt"], f"{where}.startsAt")
        findings.is_time(alert["endsAt"], f"{where}.endsAt")
        findings.need((alert["endsAt"] == NO_TIME) == (alert["status"] == "firing"),
                      f"{where}: {alert['status']} until {alert['endsAt']}")
        findings.is_text(alert["fingerprint"], f"{where}.fingerprint")
    firing = any(alert["status"] == "firing" for alert in message["alerts"])
    findings.need((message["status"] == "firing") == firing, "status is not that of its alerts")
    return findings


CHECKS = {"slack": slack, "pagerduty": pagerduty, "alertmanager": alertmanager,
          "webhook": webhook}
