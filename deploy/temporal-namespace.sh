#!/bin/sh
# Creates the namespace, with a retention of 30 days. The workers create its search attributes.
set -eu
temporal operator namespace describe --namespace default >/dev/null 2>&1 ||
  temporal operator namespace create --namespace default --retention 720h
