"""Webhooks: what is sent of an event, how it is signed, kept until it arrived, and posted."""
