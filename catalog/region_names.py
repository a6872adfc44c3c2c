"""The vendor's names of its regions, so that pages show them in the reader's language."""

from django.utils.translation import gettext, gettext_noop

NAMES = {
    "cn-qingdao": gettext_noop("China (Qingdao)"),
    "cn-beijing": gettext_noop("China (Beijing)"),
    "cn-zhangjiakou": gettext_noop("China (Zhangjiakou)"),
    "cn-huhehaote": gettext_noop("China (Hohhot)"),
    "cn-wulanchabu": gettext_noop("China (Ulanqab)"),
    "cn-hangzhou": gettext_noop("China (Hangzhou)"),
    "cn-shanghai": gettext_noop("China (Shanghai)"),
    "cn-shenzhen": gettext_noop("China (Shenzhen)"),
    "cn-heyuan": gettext_noop("China (Heyuan)"),
    "cn-guangzhou": gettext_noop("China (Guangzhou)"),
    "cn-chengdu": gettext_noop("China (Chengdu)"),
    "cn-hongkong": gettext_noop("China (Hong Kong)"),
    "ap-southeast-1": gettext_noop("Singapore"),
    "ap-southeast-3": gettext_noop("Malaysia (Kuala Lumpur)"),
    "ap-southeast-5": gettext_noop("Indonesia (Jakarta)"),
    "ap-southeast-6": gettext_noop("Philippines (Manila)"),
    "ap-southeast-7": gettext_noop("Thailand (Bangkok)"),
    "ap-northeast-1": gettext_noop("Japan (Tokyo)"),
    "ap-northeast-2": gettext_noop("South Korea (Seoul)"),
    "eu-central-1": gettext_noop("Germany (Frankfurt)"),
    "eu-west-1": gettext_noop("UK (London)"),
    "us-west-1": gettext_noop("US (Silicon Valley)"),
    "us-east-1": gettext_noop("US (Virginia)"),
    "me-east-1": gettext_noop("UAE (Dubai)"),
}


def shown_name(pk: str, name: str) -> str:
    """Return the vendor's name translated; a name of one's own as it is."""
    return gettext(name) if NAMES.get(pk) == name else name
