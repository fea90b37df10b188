"""The metrics of an admin listener, as Prometheus' own parser reads them."""

import sys
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

port, admin = sys.argv[1:3]
with urllib.request.urlopen(f"http://127.0.0.1:{admin}/metrics", timeout=30) as response:
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4"), response.headers
    text = response.read().decode()

families = {family.name: family for family in text_string_to_metric_families(text)}
for name, family in families.items():
    assert family.type in ("counter", "gauge", "histogram"), (name, family.type)
    assert family.documentation.endswith("."), name
    seen = [(sample.name, tuple(sorted(sample.labels.items()))) for sample in family.samples]
    assert len(seen) == len(set(seen)), f"{name} has a series twice"

durations = families["http_server_request_duration_seconds"].samples
series = [s for s in durations if s.name.endswith("_count") and s.labels["http_route"] == "/users/:id"]
assert [(s.labels["listener"], s.labels["http_request_method"], s.labels["http_response_status_class"], s.value)
        for s in series] == [(f"127.0.0.1:{port}", "GET", "2xx", 3.0)], series
bounds = [s.labels["le"] for s in durations if s.name.endswith("_bucket") and s.labels["http_route"] == "/users/:id"]
assert bounds[0] == "0.0001" and bounds[-1] == "+Inf" and len(bounds) == 17, bounds
assert families["process_resident_memory_bytes"].samples[0].value > 1 << 20
print("ok")
