"""One character as it is compared: any case or width, look-alike letters as Latin, traditional Chinese as simplified.

Source: shared/threat/lexicon.md 7 (disguises); Unicode NFKC; the pairs were written for the words of this package.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

# Letters of other alphabets that look like Latin ones.
ALIKE = dict(zip("авекмнорстухіјѕԁɡԛԝүӏςαβεικμνορτυχηωγ", "abekmhopctyxijsdgqwylcabeikmvoptuxnwy", strict=True))
CAPITALS = dict(zip("АВЕКМНОРСТУХІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "abekmhopctyxijsabezhikmnoptyx", strict=True))
LEET = {"@": "a", "4": "a", "0": "o", "1": "i", "3": "e", "5": "s", "$": "s", "7": "t", "!": "i", "|": "l", "8": "b"}
EMOJI = {
    **dict.fromkeys("👮🚔🚓🚨", "police"),
    "⚖": "court",
    "🏛": "court",
    "🏦": "bank",
}
TRADITIONAL = (
    "國銀訴舉報師會絡發廣電話訊請刪資為誰們這個來對機構關當處辦經紀錄際幣債務貸還認證權條約書買賣貴間問題實業員單無聽見説說讓長門專"
    "號碼區張圖極樣總點夠過時後從讀寫許錢實賬帳戶額遲續網頁應該確認負責層級黨組織違規則罰監獄緝捕審傷員腦車馬鳥龍銷"
    "濫騷擾嚇協調貿費議彈壓擁護衛視聞傳媒體臉擺爾彙營運遞轉軟體選擇導邊嗎麼麥黃聯繫繳納購優惠畫華萬與產業將將讎決"
    "訟狀備齊嚴重賠償償還歡樂謝對錯誤環節遠適邏輯顯現頻題順須預領頭顧顏類願靜響頂項麻煩煩鬧勞動務維護線結緊終給統絕絲"
    "綁縣縱總績繞繼續聲聾職肅腳膚臨臺舊艙蘭藝藥處號蟲術衝補裝見規覺觀訂計討託記詐詞試誠詳認誌語誤誰調談論諾謀證識警譯護譽"
    "變貝貞財貧貨販貪責貯貼賀賓賞賢質賴賺贈趕躍軍軌輕載輛輪輸農運進達適遺邀郵鄉醫醜釋針鈔鈴銅錄錢鍵鎖鐘鐵開閉閱陳陸陽階際隨險雖雙雜雞離難電靈"
    "飛飯飲飾餘館駐駕騎騙驗驚鬆鬥魚鮮鳴點齡佔係儘兒內兩冊凍剛剝劃劇劉勝勸匯單卻參啟喪喬嗎嘆囑團園圓執堅報場塊墊壞壯夢夾奪奮妝婦媽嬰孫學寧實寫寬寶對導屆屬岡島峽巖帥師帶幫幹幾庫廠廢廳強彎徑從復恆恥悅惡惱愛慘慣慮慶憂憑憲應懷懸戰戲戶拋掃掛採揀換揮損搖搗撐撥撫據擊擋擔擬攔攜攝敗敵數斷時晉暫暈曉曆書東條極榮構槍樂樓標樣機檔檢橋權歐歡歲歷歸殘殺毀氣決沒況淚淨淺減測湯準溝滅滿漁漢漲潔濟災為無煙熱燈燒燦爐爭牆獨獎獲獻現環瓊產畝畢異當療發皺盜盡監盤眾睜矚確碼磚禍禮種稱穩窮競筆築簡簽籃籌糾紅約級純納紙細紹終組經綠網緒編練縮"
)
SIMPLIFIED = (
    "国银诉举报师会络发广电话讯请删资为谁们这个来对机构关当处办经纪录际币债务贷还认证权条约书买卖贵间问题实业员单无听见说说让长门专"
    "号码区张图极样总点够过时后从读写许钱实账账户额迟续网页应该确认负责层级党组织违规则罚监狱缉捕审伤员脑车马鸟龙销"
    "滥骚扰吓协调贸费议弹压拥护卫视闻传媒体脸摆尔汇营运递转软体选择导边吗么麦黄联系缴纳购优惠画华万与产业将将仇决"
    "讼状备齐严重赔偿偿还欢乐谢对错误环节远适逻辑显现频题顺须预领头顾颜类愿静响顶项麻烦烦闹劳动务维护线结紧终给统绝丝"
    "绑县纵总绩绕继续声聋职肃脚肤临台旧舱兰艺药处号虫术冲补装见规觉观订计讨托记诈词试诚详认志语误谁调谈论诺谋证识警译护誉"
    "变贝贞财贫货贩贪责贮贴贺宾赏贤质赖赚赠赶跃军轨轻载辆轮输农运进达适遗邀邮乡医丑释针钞铃铜录钱键锁钟铁开闭阅陈陆阳阶际随险虽双杂鸡离难电灵"
    "飞饭饮饰余馆驻驾骑骗验惊松斗鱼鲜鸣点龄占系尽儿内两册冻刚剥划剧刘胜劝汇单却参启丧乔吗叹嘱团园圆执坚报场块垫坏壮梦夹夺奋妆妇妈婴孙学宁实写宽宝对导届属冈岛峡岩帅师带帮干几库厂废厅强弯径从复恒耻悦恶恼爱惨惯虑庆忧凭宪应怀悬战戏户抛扫挂采拣换挥损摇捣撑拨抚据击挡担拟拦携摄败敌数断时晋暂晕晓历书东条极荣构枪乐楼标样机档检桥权欧欢岁历归残杀毁气决没况泪净浅减测汤准沟灭满渔汉涨洁济灾为无烟热灯烧灿炉争墙独奖获献现环琼产亩毕异当疗发皱盗尽监盘众睁瞩确码砖祸礼种称稳穷竞笔筑简签篮筹纠红约级纯纳纸细绍终组经绿网绪编练缩"
)
# Tamil letters and vowel signs that are often written for each other.
TAMIL = dict(zip("ீூேோளழறணந", "ிுெொலலரனன", strict=True))
SIMPLE = (
    {a: b for a, b in zip(TRADITIONAL, SIMPLIFIED, strict=True) if a != b}
    | {"喺": "在", "俾": "给", "畀": "给"}
    | TAMIL
)


@lru_cache(maxsize=8192)
def folded(char: str) -> str:
    """As compared; '' for what is not seen (zero-width characters, soft hyphens, emoji selectors)."""
    if char in CAPITALS:
        return CAPITALS[char]
    category = unicodedata.category(char)
    if category == "Cf" or "\ufe00" <= char <= "\ufe0f":
        return ""
    plain = unicodedata.normalize("NFKC", char).casefold()
    return "".join(SIMPLE.get(one, ALIKE.get(one, one)) for one in plain)


@lru_cache(maxsize=8192)
def script(char: str) -> str:
    """`a` letters and digits of Latin kind, `c` Chinese, `t` Tamil, `o` letters of others, `` for what is no letter."""
    if "\u0b80" <= char <= "\u0bff":
        return "t"
    if "\u3400" <= char <= "\u9fff" or "\uf900" <= char <= "\ufaff":
        return "c"
    if char.isalnum():
        return "a" if char < "\u0250" else "o"
    return ""
