# ruff: noqa: SIM905 - a word list reads best as words
"""Words from which the sample's people, companies and content are combined.

What belongs here: lists and how words become a company name or a domain. No randomness.
Chinese words come as (characters, pinyin) so that mailboxes can be derived without a dictionary at run time.
"""

ENGLISH_GIVEN = (
    "James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara Richard Susan Joseph "
    "Jessica Thomas Sarah Christopher Karen Charles Lisa Daniel Nancy Matthew Betty Anthony Sandra Mark Margaret "
    "Donald Ashley Steven Kimberly Andrew Emily Paul Donna Joshua Michelle Kenneth Carol Kevin Amanda Brian Melissa "
    "George Deborah Timothy Stephanie Ronald Rebecca Jason Laura Edward Sharon Jeffrey Cynthia Ryan Kathleen Jacob "
    "Amy Gary Angela Nicholas Shirley Eric Anna Jonathan Brenda Stephen Pamela Larry Emma Justin Nicole Scott Helen "
    "Brandon Samantha Benjamin Katherine Samuel Christine Gregory Debra Alexander Rachel Patrick Carolyn Frank Janet "
    "Raymond Maria Jack Catherine Dennis Heather Jerry Diane Tyler Olivia Aaron Julie Jose Joyce Adam Victoria Nathan "
    "Ruth Henry Virginia Zachary Lauren Douglas Kelly Peter Christina Kyle Joan Noah Evelyn Ethan Judith Jeremy Andrea "
    "Walter Hannah Christian Megan Keith Cheryl Roger Jacqueline Terry Martha Austin Madison Sean Teresa Gerald Gloria "
    "Priya Rahul Anjali Vikram Sunita Arjun Deepa Rohan Lukas Greta Felix Klara Moritz Frieda Jonas Heike"
).split()

ENGLISH_FAMILY = (
    "Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez Gonzalez Wilson "
    "Anderson Thomas Taylor Moore Jackson Martin Lee Perez Thompson White Harris Sanchez Clark Ramirez Lewis Robinson "
    "Walker Young Allen King Wright Scott Torres Nguyen Hill Flores Green Adams Nelson Baker Hall Rivera Campbell "
    "Mitchell Carter Roberts Gomez Phillips Evans Turner Diaz Parker Cruz Edwards Collins Reyes Stewart Morris Morales "
    "Murphy Cook Rogers Gutierrez Ortiz Morgan Cooper Peterson Bailey Reed Kelly Howard Ramos Kim Cox Ward Richardson "
    "Watson Brooks Chavez Wood Bennett Gray Mendoza Ruiz Hughes Price Alvarez Castillo Sanders Patel Myers Long Ross "
    "Foster Jimenez Powell Jenkins Perry Russell Sullivan Bell Coleman Butler Henderson Barnes Fisher Vasquez Simmons "
    "Graham Murray Ford Castro Marshall Owens Harrison Fernandez McDonald Woods Washington Kennedy Wells Henry Freeman "
    "Webb Tucker Burns Crawford Olson Simpson Porter Hunter Gordon Mendez Silva Shaw Snyder Mason Dixon Munoz Hunt "
    "Hicks Holmes Palmer Wagner Black Robertson Boyd Rose Stone Salazar Fox Warren Mills Meyer Rice Schmidt Weber "
    "Becker Hoffmann Keller Vogel Krause Sharma Gupta Singh Reddy Iyer Mehta Banerjee Kapoor"
).split()

CHINESE_FAMILY = [
    tuple(pair.split(":"))
    for pair in (
        "王:wang 李:li 张:zhang 刘:liu 陈:chen 杨:yang 黄:huang 赵:zhao 吴:wu 周:zhou 徐:xu 孙:sun 马:ma 朱:zhu 胡:hu "
        "郭:guo 何:he 高:gao 林:lin 罗:luo 郑:zheng 梁:liang 谢:xie 宋:song 唐:tang 许:xu 韩:han 冯:feng 邓:deng "
        "曹:cao 彭:peng 曾:zeng 肖:xiao 田:tian 董:dong 袁:yuan 潘:pan 于:yu 蒋:jiang 蔡:cai 余:yu 杜:du 叶:ye "
        "程:cheng 苏:su 魏:wei 吕:lv 丁:ding 任:ren 沈:shen 姚:yao 卢:lu 姜:jiang 崔:cui 钟:zhong 谭:tan 陆:lu "
        "汪:wang 范:fan 金:jin 石:shi 廖:liao 贾:jia 夏:xia 韦:wei 付:fu 方:fang 白:bai 邹:zou 孟:meng 熊:xiong "
        "秦:qin 邱:qiu 江:jiang 尹:yin 薛:xue 闫:yan 段:duan 雷:lei 侯:hou 龙:long 史:shi 陶:tao 黎:li 贺:he 顾:gu "
        "毛:mao 郝:hao 龚:gong 邵:shao 欧阳:ouyang 上官:shangguan 司马:sima 诸葛:zhuge"
    ).split()
]

CHINESE_GIVEN = [
    tuple(pair.split(":"))
    for pair in (
        "伟:wei 芳:fang 娜:na 敏:min 静:jing 丽:li 强:qiang 磊:lei 军:jun 洋:yang 勇:yong 艳:yan 杰:jie 娟:juan "
        "涛:tao 明:ming 超:chao 霞:xia 平:ping 刚:gang 桂:gui 文:wen 辉:hui 玲:ling 鹏:peng 华:hua 红:hong 玉:yu "
        "斌:bin 英:ying 建:jian 志:zhi 国:guo 海:hai 晓:xiao 春:chun 秀:xiu 兰:lan 梅:mei 琳:lin 波:bo 宇:yu 浩:hao "
        "凯:kai 健:jian 俊:jun 帆:fan 雪:xue 婷:ting 慧:hui 颖:ying 倩:qian 雯:wen 欣:xin 怡:yi 佳:jia 嘉:jia 子:zi "
        "梓:zi 涵:han 轩:xuan 博:bo 睿:rui 思:si 雨:yu 晨:chen 阳:yang 泽:ze 昊:hao 天:tian 一:yi 诺:nuo 瑶:yao "
        "珊:shan 莉:li 萍:ping 丹:dan 蕾:lei 燕:yan 锋:feng 毅:yi 亮:liang 林:lin 峰:feng 龙:long 飞:fei 云:yun "
        "清:qing 新:xin 永:yong 德:de 世:shi 成:cheng 胜:sheng 学:xue 才:cai 东:dong 立:li 维:wei 远:yuan"
    ).split()
]

ENGLISH_COMPANY_FIRST = (
    "Northwind Blue Silver Summit Harbor Pioneer Cedar Granite Atlas Orion Vertex Apex Quantum Lumen Beacon Crest Delta "
    "Ember Falcon Glacier Horizon Iron Juniper Keystone Lakeside Meridian Nova Oakridge Pinnacle Quarry Redwood Sterling "
    "Titan Umbra Valley Westbrook Xenon Yarrow Zephyr Alder Bright Canyon Driftwood Eastgate Foxglove Greenfield Highland "
    "Ivory Jade Kestrel Linden Maple Newport Onyx Prairie Quill Ridge Sable Tidewater Union Vista Willow Arctic Bayside "
    "Copper Dune Evergreen Firth Grove Hawthorn"
).split()

ENGLISH_COMPANY_SECOND = (
    "Precision Systems Dynamics Robotics Automotive Analytics Healthcare Medical Finance Capital Logistics Retail Energy "
    "Materials Software Networks Components Instruments Optics Aerospace Foods Packaging Chemicals Textiles Education "
    "Media Security Controls Power Machinery Electronics Plastics Steel Devices Biotech Pharma Insurance Consulting "
    "Engineering Solutions"
).split()

ENGLISH_COMPANY_LEGAL = ("Inc.", "LLC", "Ltd", "Corp.", "GmbH", "plc", "Pty Ltd", "Pte. Ltd.")

CHINESE_COMPANY_CITY = [
    tuple(pair.split(":"))
    for pair in (
        "上海:shanghai 北京:beijing 深圳:shenzhen 广州:guangzhou 杭州:hangzhou 苏州:suzhou 南京:nanjing 成都:chengdu "
        "武汉:wuhan 天津:tianjin 青岛:qingdao 宁波:ningbo 东莞:dongguan 重庆:chongqing 西安:xian 无锡:wuxi 厦门:xiamen "
        "合肥:hefei 长沙:changsha 佛山:foshan"
    ).split()
]

CHINESE_COMPANY_FIRST = [
    tuple(pair.split(":"))
    for pair in (
        "华:hua 中:zhong 恒:heng 鑫:xin 瑞:rui 博:bo 宏:hong 远:yuan 海:hai 天:tian 金:jin 德:de 汇:hui 联:lian 创:chuang "
        "星:xing 科:ke 信:xin 盛:sheng 隆:long 泰:tai 安:an 嘉:jia 凯:kai 锐:rui 诚:cheng 智:zhi 云:yun 光:guang 盈:ying"
    ).split()
]

CHINESE_COMPANY_SECOND = [
    tuple(pair.split(":"))
    for pair in (
        "达:da 盛:sheng 通:tong 泰:tai 源:yuan 腾:teng 宇:yu 辰:chen 峰:feng 诺:nuo 迪:di 维:wei 康:kang 邦:bang 森:sen "
        "越:yue 腾:teng 驰:chi 睿:rui 航:hang 拓:tuo 芯:xin 图:tu 润:run"
    ).split()
]

CHINESE_COMPANY_FIELD = [
    tuple(pair.split(":"))
    for pair in (
        "科技:tech 机械:mach 电子:elec 汽车零部件:auto 软件:soft 医疗器械:med 智能制造:mfg 新材料:mat 物流:log 能源:energy "
        "教育:edu 信息技术:it 自动化:automation 包装:pack"
    ).split()
]

CHINESE_COMPANY_LEGAL = ("有限公司", "股份有限公司", "集团有限公司", "有限责任公司")

INDUSTRIES = {
    "manufacturing": ("制造", 24.0),
    "automotive": ("汽车", 12.0),
    "software": ("软件", 15.0),
    "healthcare": ("医疗", 10.0),
    "finance": ("金融", 8.0),
    "education": ("教育", 7.0),
    "retail": ("零售", 8.0),
    "logistics": ("物流", 7.0),
    "energy": ("能源", 5.0),
    "construction": ("建筑", 4.0),
}

COMPANY_SIZES = {
    "1-49": (34.0, 20),
    "50-199": (28.0, 110),
    "200-499": (12.0, 310),
    "500-999": (9.0, 720),
    "1000-4999": (11.0, 2300),
    "5000+": (6.0, 9800),
}

TITLES = {
    "ceo": ("Chief Executive Officer", "总裁", 2.0),
    "cto": ("CTO", "首席技术官", 2.0),
    "gm": ("Vice President Operations", "总经理", 3.0),
    "it_director": ("IT Director", "信息总监", 5.0),
    "procurement_director": ("Director of Procurement", "采购总监", 4.0),
    "marketing_head": ("Head of Marketing", "市场负责人", 4.0),
    "plant_director": ("Plant Director", "车间主任", 3.0),
    "marketing_manager": ("Marketing Manager", "市场经理", 8.0),
    "product_manager": ("Product Manager", "产品经理", 8.0),
    "it_manager": ("IT Manager", "信息主管", 7.0),
    "engineer": ("Process Engineer", "工艺工程师", 16.0),
    "analyst": ("Business Analyst", "数据分析师", 8.0),
    "buyer": ("Senior Buyer", "采购专员", 6.0),
    "assistant": ("Office Assistant", "行政助理", 8.0),
    "teacher": ("Lecturer", "讲师", 3.0),
    "operator": ("Machine Operator", "操作员", 4.0),
    "student": ("Student", "学生", 5.0),
    "intern": ("Intern", "实习生", 3.0),
}

DEPARTMENTS = {
    "marketing": ("Marketing", "市场部", 14.0),
    "sales": ("Sales", "销售部", 10.0),
    "it": ("IT", "信息部", 14.0),
    "procurement": ("Procurement", "采购部", 9.0),
    "operations": ("Operations", "运营部", 12.0),
    "engineering": ("Engineering", "研发部", 18.0),
    "hr": ("Human Resources", "人力资源部", 6.0),
    "legal": ("Legal", "法务部", 4.0),
    "production": ("Production", "生产部", 8.0),
}

PLACES: dict[str, tuple[str, ...]] = {
    "CN": (
        "上海|华东",
        "北京|华北",
        "深圳|华南",
        "广州|华南",
        "杭州|华东",
        "苏州|华东",
        "成都|西南",
        "武汉|华中",
        "青岛|华东",
    ),
    "TW": ("臺北|臺灣", "新竹|臺灣", "臺中|臺灣"),
    "HK": ("香港|香港",),
    "SG": ("Singapore|Singapore",),
    "US": ("Chicago|Midwest", "Boston|Northeast", "Austin|South", "San Jose|West", "Seattle|West", "Atlanta|South"),
    "CA": ("Toronto|Ontario", "Vancouver|British Columbia", "Montréal|Québec", "Calgary|Alberta"),
    "GB": ("London|England", "Manchester|England", "Leeds|England", "Glasgow|Scotland"),
    "DE": ("Berlin|Berlin", "München|Bayern", "Hamburg|Hamburg", "Stuttgart|Baden-Württemberg"),
    "AU": ("Sydney|New South Wales", "Melbourne|Victoria", "Perth|Western Australia"),
    "IN": ("Mumbai|Maharashtra", "Bengaluru|Karnataka", "Pune|Maharashtra"),
}

COUNTRY_WEIGHTS = {
    "CN": 44.0, "TW": 3.0, "HK": 3.0, "SG": 5.0, "US": 19.0, "CA": 6.0, "GB": 9.0, "DE": 8.0, "AU": 5.0, "IN": 4.0,
}  # fmt: skip
CHINESE_COUNTRIES = ("CN", "TW", "HK")
UTC_OFFSET_HOURS = {"CN": 8, "TW": 8, "HK": 8, "SG": 8, "US": -6, "CA": -5, "GB": 0, "DE": 1, "AU": 10, "IN": 5}

# Country: calling code, mobile prefixes, digits after the prefix, trunk prefix written before a national number.
MOBILES: dict[str, tuple[str, tuple[str, ...], int, str]] = {
    "CN": ("86", ("138", "139", "136", "137", "150", "158", "186", "188", "177", "199"), 8, ""),
    "TW": ("886", ("910", "921", "933", "972"), 6, "0"),
    "HK": ("852", ("61", "62", "64", "91", "93", "96", "97"), 6, ""),
    "SG": ("65", ("81", "82", "83", "86", "91", "92", "96", "97"), 6, ""),
    "US": (
        "1",
        ("3122", "6172", "5122", "4082", "2062", "4042", "3126", "6176", "5126", "4086", "2066", "4046"),
        6,
        "",
    ),
    "CA": ("1", ("4162", "6042", "5142", "4032", "4166", "6046", "5146", "4036"), 6, ""),
    "GB": ("44", ("7400", "7700", "7788", "7811", "7912", "7525"), 6, "0"),
    "DE": ("49", ("1511", "1520", "1577", "1601", "1701", "1761"), 7, "0"),
    "AU": ("61", ("401", "412", "423", "438", "450", "466"), 6, "0"),
    "IN": ("91", ("98", "99", "97", "90", "88", "70"), 8, "0"),
}
SWITCHBOARDS = {
    "CN": "+86216{0:03d}{1:04d}",
    "TW": "+88622{0:03d}{1:04d}",
    "HK": "+8522{0:03d}{1:04d}",
    "SG": "+656{0:03d}{1:04d}",
    "US": "+1312{0:03d}{1:04d}",
    "CA": "+1416{0:03d}{1:04d}",
    "GB": "+44207{0:03d}{1:04d}",
    "DE": "+4930{0:03d}{1:04d}",
    "AU": "+6128{0:03d}{1:04d}",
    "IN": "+91226{0:03d}{1:04d}",
}

FREE_MAIL_CHINESE = {"qq.com": 5.0, "163.com": 3.0, "126.com": 1.0, "foxmail.com": 1.0}
FREE_MAIL_ENGLISH = {"gmail.com": 6.0, "outlook.com": 2.0, "yahoo.com": 1.0, "hotmail.com": 1.0}
TYPO_DOMAINS = {
    "gmail.com": "gmial.com",
    "hotmail.com": "hotmial.com",
    "outlook.com": "outlok.com",
    "yahoo.com": "yahooo.com",
    "qq.com": "qq.con",
    "163.com": "163.con",
    "126.com": "126.con",
    "foxmail.com": "foxmial.com",
}
TAG_DOMAINS = ("gmail.com", "outlook.com", "hotmail.com")
ROLE_LOCAL_PARTS = ("info", "sales", "contact", "office")

PRODUCTS = ("P-FLOW", "P-SENSE", "P-INSIGHT", "P-EDGE")
TOPICS = (
    "predictive maintenance", "energy saving", "quality control", "supply chain", "data platform", "machine vision",
    "customer data", "digital twin", "workflow", "cyber security", "预测性维护", "节能降耗", "质量管理", "数字化转型",
)  # fmt: skip
CONTENT_TYPES = {
    "blog": 26.0, "video": 10.0, "ebook": 12.0, "whitepaper": 14.0, "case_study": 14.0, "demo": 5.0, "pricing": 4.0,
    "rfp_template": 4.0, "roi_calculator": 4.0, "webinar": 7.0,
}  # fmt: skip
EVENT_TYPES = ("exhibition", "salon", "summit", "roadshow", "online_exhibition", "livestream")
LOST_REASONS = ("price", "timing", "competitor", "no budget", "no decision")
OWNERS = tuple(f"owner-{number:02d}" for number in range(1, 25))
