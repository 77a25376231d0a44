#!/bin/sh
# Makes the namespace that the workers poll, kept for 30 days after a run's end. Search attributes they make themselves.
set -eu
temporal operator namespace describe --namespace default >/dev/null 2>&1 ||
  temporal operator namespace create --namespace default --retention 720h
