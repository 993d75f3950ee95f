"""Logs a page in with the key of a person and prints the headers that such a page sends: login.py URL KEYFILE."""

import json
import pathlib
import sys
import urllib.request

url, key = sys.argv[1], pathlib.Path(sys.argv[2]).read_text().strip()
headers = {"origin": url, "content-type": "application/json"}
answer = urllib.request.urlopen(urllib.request.Request(url + "/v1/login", json.dumps({"key": key}).encode(), headers), timeout=20)
print("Cookie: " + answer.headers["set-cookie"].split(";")[0])
print("Origin: " + url)
print("X-Countersign-Proof: " + json.load(answer)["proof"])
