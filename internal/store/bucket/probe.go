package bucket

const probeName = ".exporter/probe.json"
