"""Messages of these tests: clear ones of each language. `{}` marks where the words that are disguised stand."""

from __future__ import annotations

THREATS = [
    ("If you don't delete my data I will report you to {}.", "Bank Negara", "regulator"),
    ("I am going to complain to {} about your company.", "KPKT", "regulator"),
    ("Stop the messages or I will make a {} tomorrow.", "police report", "police"),
    ("My {} will contact you if my account is not deleted.", "lawyer", "legal"),
    ("Refund me or I file a claim at the {}.", "tribunal", "tribunal"),
    ("Kalau data saya tidak dipadam, saya akan adu kepada {}.", "Bank Negara", "regulator"),
    ("Saya akan buat {} kalau iklan masih dihantar.", "laporan polis", "police"),
    ("klu x padam sy report kat {}", "kpkt", "regulator"),
    ("{} saya akan hubungi tuan jika data tidak dipadam.", "peguam", "legal"),
    ("Delete my data illana {} la complaint pannuven.", "BNM", "regulator"),
]
SCRIPTS = [
    ("再不删除我的资料，我就去国家银行投诉你们。", "regulator"),
    ("再不刪除我的資料，我就去國家銀行投訴你們。", "regulator"),
    ("继续骚扰我就报警。", "police"),
    ("என் தரவை நீக்காவிட்டால் பேங்க் நெகாராவில் புகார் செய்வேன்.", "regulator"),
    ("தொல்லை தொடர்ந்தால் போலீஸில் புகார் கொடுப்பேன்.", "police"),
]
SILENT = [
    "Please delete my account.",
    "I work as a police officer, can I apply for a loan?",
    "What is your KPKT licence number?",
    "Please stop sending me promotions.",
    "Adakah syarikat ini berlesen dengan KPKT?",
    "Saya seorang anggota polis. Bolehkah saya memohon pinjaman?",
    "Bank Negara menaikkan OPR. Adakah ansuran saya berubah?",
    "no lesen kpkt brp ek",
    "你们有KPKT的执照吗？",
    "我是警察，可以申请贷款吗？",
    "நான் போலீஸ்காரர், கடன் விண்ணப்பிக்கலாமா?",
    "Ungaluku KPKT licence irukka?",
]
CHATTER = [
    "Good morning.",
    "I hope that you are well.",
    "I have been a customer since 2019.",
    "Selamat pagi.",
    "Terima kasih.",
    "Nama saya Aminah.",
    "Hari ini hujan lebat.",
    "你好。",
    "今天天气很热。",
    "வணக்கம்.",
    "Vanakkam.",
    "My order of biscuits was very nice.",
]
# The same, said and denied.
DENIED = [
    ("I will report you to BNM.", "I will not report you to BNM."),
    ("I am going to the police about this.", "I am not going to the police about this."),
    ("I will complain to KPKT about the adverts.", "I won't complain to KPKT about the adverts."),
    ("I will involve a lawyer.", "There is no need to involve a lawyer."),
    ("Saya akan adu kepada Bank Negara.", "Saya tidak akan adu kepada Bank Negara."),
    ("Saya mahu buat laporan polis.", "Saya tidak mahu buat laporan polis."),
    ("sy nk report kpkt", "sy bkn nk report kpkt"),
    ("我会去国行投诉。", "我不会去国行投诉。"),
    ("我要报警。", "我没有要报警。"),
    ("我会去差馆，再投诉你们。", "唔使惊，我唔会去差馆㗎。"),
    ("我要报警，也要去国行投诉你们。", "没打算报警，也没打算去国行投诉。"),
    ("I will go to the police and complain to KPKT.", "I will not go to the police and will not complain to KPKT."),
    ("பேங்க் நெகாராவில் புகார் செய்வேன்.", "பேங்க் நெகாராவில் புகார் செய்ய மாட்டேன்."),
    ("Naan BNM la complaint pannuven.", "Naan BNM la complaint panna maaten."),
]
