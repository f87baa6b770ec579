"""Runs on a cluster: submitting, watching, rerunning."""
