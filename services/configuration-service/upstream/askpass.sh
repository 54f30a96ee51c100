#!/bin/sh
# git asks for user and token of an upstream here: they are in the environment of this one git, and nowhere else.
case "$1" in
  Username*) printf '%s\n' "$KEPTN_UPSTREAM_USER" ;;
  *) printf '%s\n' "$KEPTN_UPSTREAM_TOKEN" ;;
esac
