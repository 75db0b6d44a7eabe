"""Simulated Bedrock: runtime API, credentials services and a control API.

Standard library only; botocore is imported when `--verify botocore` asks for
it.  See main.py for the options and control.py for the control API.
"""
