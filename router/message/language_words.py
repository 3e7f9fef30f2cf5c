"""Words by which a language is known: data for `language`.

Function words first (they stand in every sentence), then greetings, thanks and the everyday words of support mail that
belong to one language only. International words (server, hosting, login, domain, test, ok) are missing on purpose: they
stand in mail of every language. A word that several languages share counts for all of them, and so decides nothing.
"""

CYRILLIC_WORDS: dict[str, str] = {
    "ru": """
        и в во не на что с со как это по но из у за от так же к ко для или если уже при бы быть был была было
        были есть его ее её их мы вы он она они оно я мне меня мной нам нас вам вас ваш ваша ваше ваши вашего
        вашей вашу наш наша наше наши нашего нашей мой моя моё мое мои моего моей свой своя своё свои тебя тебе
        ему ей им тот та те этот эта эти этого этой этом этим этих того тому том тех то чтобы когда где кто чем
        чего чему почему зачем куда откуда сколько какой какая какое какие какую каким который которая которое
        которые которую которого потому поэтому также тоже только ещё еще очень можно нужно надо нельзя может
        могу можете могут хочу хотим хотел хотела хотелось хотели будет будут буду будем после перед без через
        между под над про либо ни нет да вот все всё всего всех всем всю весь сейчас теперь тут там здесь
        сегодня вчера завтра снова опять пока раз день дня дней час часа часов минут неделю недели месяц месяца
        года год лет здравствуйте здравствуй привет приветствую добрый доброе вечер утро утра спасибо пожалуйста
        уважением благодарю извините простите подскажите помогите сделайте скажите пришлите проверьте посмотрите
        объясните верните уберите удалите добавьте отключите включите подключите напишите ответьте сообщите
        исправьте разберитесь продлите выставьте смотрите работает работал работала работают работать работы
        открывается грузится загружается отвечает приходит приходят пришло пришел пришёл пришла ушло уходит
        уходят отправляются отправляется отправить получить получил получаю ошибка ошибку ошибки ошибкой сайт
        сайта сайте сайту письмо письма писем письмом почта почты почту почте почтой ящик ящика ящики пароль
        пароля счет счёт счета счёта счете оплата оплату оплаты оплатил оплатила оплатили оплатить деньги денег
        договор договора договору договоре хостинг хостинга домен домена тариф тарифа тарифе базы данных база
        файл файлы файлов файла нужен нужна нужны должен должны помощь помочь вопрос вопроса вопросы ответ
        ответа проблема проблему проблемы заявка заявку заявки обращение поддержка поддержки срочно случилось
        делать сделать сделали делаете пишет пишу писал писала вижу видно знаю понял поняла понимаю хорошо плохо
        ничего никто никак ждать жду ждём ждем можем вернуть закрыть закройте открыть перенести перенос продлить
        заказать купить цена стоимость стоит адрес адреса номер номера имя сервер сервера сервере лежит упал
        упала тормозит медленно долго быстро старый новый новая новое новую нового другой другая другие самый
        сам один два две три пять почти вообще просто конечно вроде кажется наверное всё-таки кстати например
        значит иначе войти зайти вход выход настроить настройки настройка кнопка нажимаю кабинет кабинете панель
        панели клиенты клиент клиентов заработало починили почините отвечаете отвечайте прошу просим просьба
        уточните уточнить разобраться недоступен недоступна восстановите восстановить изменить измените сменить
        поменять подтвердите какие-то что-то кто-то где-то как-то туда сюда оттуда отсюда давно недавно совсем
        сразу именно лучше хуже больше меньше много мало несколько тикет вирус реклама квитанция акт акты
        реквизиты юрлицо бухгалтерия бухгалтер директор компания компании фирма магазин магазина удалось
        получается появилась появился появляется исчез пропал пропала пропали пропало заблокирован заблокировали
        иногда аккаунт устройство сеть глючит плиз гляньте пускает пускал отвалился чё че щас че-то чет
        че-нибудь извиняюсь будьте добры звоню ноль гривен рублей руб сентября октября ноября декабря января
        февраля марта апреля мая июня июля августа срок сроки домены хостингом заранее жалоба скидка скидку
        тарифы тарифов отдел менеджер оператор доступ доступа доступе доступен запрос утром вечером днем ночью
        проверю сделаю напишу позвоню оплачу пришлю правильно грн разница число числа предложение предложения
        предложений сбор запускать начальства боюсь дай бог
        """,
    "uk": """
        і й та в у не на що з із зі як це по але за від так же ж до для або чи якщо вже при б би бути був була
        було були є його її їх ми ви він вона вони воно я мені мене мною нам нас вам вас ваш ваша ваше ваші
        вашого вашої вашу наш наша наше наші нашого нашої мій моя моє мої мого моєї свій своя своє свої тебе
        тобі йому їй їм той ті цей ця ці цього цієї цьому цим цих того тому тих те щоб коли де хто чим чого чому
        навіщо куди звідки скільки який яка яке які яку яким якого якої котрий також теж тільки лише ще дуже
        можна треба потрібно потрібна потрібен потрібні може можу можете можуть хочу хочемо хотів хотіла хотіли
        буде будуть буду будемо після перед без через між під над про ні немає нема ось все всього всіх всім всю
        весь увесь усе усі зараз тепер тут там сьогодні вчора завтра знову поки день дня днів година години
        годин хвилин тиждень тижня місяць місяця року рік років доброго добрий вечора ранку вечір вітаю привіт
        вітання дякую дякуємо повагою ласка ласкаво вибачте перепрошую підкажіть допоможіть зробіть скажіть
        надішліть перевірте гляньте подивіться поясніть поверніть приберіть видаліть додайте вимкніть увімкніть
        підключіть напишіть відповідайте повідомте виправте розберіться продовжіть виставте працює працював
        працювала працюють працювати роботи робота відкривається вантажиться завантажується відповідає приходить
        приходять прийшло прийшов прийшла надходить надходять відправляється відправляються надсилається
        надіслати отримати отримав отримую помилка помилку помилки помилкою сайт сайту сайті лист листи листів
        листа листом пошта пошти пошту пошті поштою поштову поштова поштовий скринька скриньку скриньки скринці
        пароль паролю рахунок рахунку рахунки оплата оплату оплати оплатив оплатила оплатили сплатили сплатив
        сплатила оплатити сплатити гроші грошей договір договору договорі хостинг хостингу домен домену тариф
        тарифу тарифі бази даних база файл файли файлів файлу допомога допомогти питання відповідь відповіді
        проблема проблему проблеми заявка заявку заявки звернення підтримка підтримки терміново сталося робити
        зробити зробили робите пише пишу писав писала бачу видно знаю зрозумів зрозуміла розумію добре погано
        нічого ніхто ніяк чекати чекаю чекаємо можемо повернути закрити закрийте відкрити перенести перенесення
        продовжити замовити купити ціна вартість коштує адреса адресу адреси номер номеру ім'я сервер сервера
        сервері лежить впав впала гальмує повільно довго швидко старий новий нова нове нову нового інший інша
        інші сам один два дві три п'ять майже взагалі просто звичайно наче здається мабуть наприклад отже інакше
        увійти зайти вхід вихід налаштувати налаштування кнопка тисну кабінет кабінеті панель панелі клієнти
        клієнт клієнтів запрацювало полагодили полагодьте відповідаєте прошу просимо прохання уточніть уточнити
        розібратися недоступний недоступна відновіть відновити змінити змініть підтвердіть якісь щось хтось десь
        якось туди сюди звідти давно нещодавно зовсім одразу саме краще гірше більше менше багато мало кілька
        декілька додати додаткове адже хоча проте бо немов ніби навколо крім окрім тікет вірус реклама квитанція
        акт акти реквізити юрособа бухгалтерія бухгалтер директор компанія компанії фірма магазин магазину
        вдалося виходить з'явилася з'явився зникає зник зникла зникли зникло заблоковано заблокували шановні
        шановний вересня жовтня листопада грудня січня лютого березня квітня травня червня липня серпня гривень
        грн строк термін терміни скарга знижка знижку тарифи тарифів відділ менеджер оператор доступ доступу
        запит безкоштовно безкоштовна участь очистити правильно навіть шо чогось таке отак ясно нарешті вкотре
        знов щойно удвічі двічі зранку ввечері увечері вдень вночі перевірю зроблю напишу подзвоню зателефоную
        сплачу надішлю різниця число числа
        """,
    "be": """
        і ў з не на што як гэта па але за ад так жа да для або калі ужо ўжо быць быў была было былі ёсць яго яе
        іх мы вы ён яна яны я мне мяне нам нас вам вас ваш наш мой свой гэты гэтая гэтыя таго каб дзе хто чаму
        які якая якое якія таксама толькі яшчэ вельмі можна трэба можа буду будзе пасля перад без праз між пад
        няма вось усё зараз сёння ўчора заўтра дзень дзякуй ласка прывітанне добры працуе памылка сайт пошта
        пытанне дапамажыце
        """,
    "bg": """
        и в на не че с от за се да по как това но или ако вече при беше е са съм сте ще го я ги ние вие той тя
        те аз ми мен нас вас ваш вашия нашия моя този тази тези което който която които защото също само още
        много може трябва моля благодаря здравейте здрасти добър ден поздрави уважение днес вчера утре работи
        грешка сайт поща пощата имейл парола фактура плащане договор след преди без през между под няма къде
        кога защо какво имам имаме искам получавам получихме
        """,
    "sr": """
        и у не на што с са као то по али за од тако до или ако већ при бити био била било је су сам сте смо га
        њу их ми ви он она они ја мени мене нам нас вам вас ваш наш мој свој овај ова ово који која које зашто
        где када такође само још врло можете треба може хвала поздрав молим добар дан данас јуче ради грешка
        сајт пошта
        """,
    "mk": """
        и во не на што со од за се да по како ова но или ако веќе при беше е сум сте ќе го ја ги ние вие тој таа
        тие јас ми мене нас вас вашиот нашиот мојот овој оваа овие кој која кои зошто исто само уште многу може
        треба молам благодарам здраво добар ден денес вчера работи грешка
        """,
    "kk": """
        және мен бар жоқ емес бұл үшін сіз біз мені қалай неге рахмет сәлеметсіз сәлем жұмыс істемейді сайт
        ашылмайды болды керек қайта бойынша туралы дейін кейін
        """,
}

LATIN_WORDS: dict[str, str] = {
    "en": """
        the a an of to and in is it you that was for on are with as i his they be at have this from or had by
        but not what all were we when your can said there use each which she do how their if will up other about
        out many then them these so some her would make like him into time has look more could go come did my no
        who am been its than any our us me does don't doesn't can't cannot i'm it's isn't didn't won't i've
        we've please thanks thank hello hi dear regards still again why where after before because since until
        while yesterday today tomorrow now just only also too very much here site website work works working
        worked down error errors mail mails email emails password invoice invoices payment payments paid pay
        money refund account question problem issue help need want wants send sent receive received get got
        getting tell told know show shows says check checked fix fixed change changed move moved open opens
        opening close cancel cancelled renew renewal order buy price prices cost expired slow missing lost wrong
        broken urgent asap support team customer customers company page pages button click clicked screen
        computer phone week weeks month months year days day morning evening afternoon hours hour minutes
        something nothing anything everything someone nobody anyone able should must may might shall let new old
        first last next same another both every own nice good bad great sorry best kind whom whose upgrade
        downgrade cheaper loading log logged in-box inbox spam charged twice card bank address name number
        contract cheers gateway headers require attached excuse mistake waiting wait below above sample thing
        lovely bravo really answer copy paste sleep well yes okay fine done forwarded subscription domain-name
        plan expires expire reply replied write writing read tried trying try clear cleared however maybe
        perhaps without within during whole unable couldn wouldn shouldn im u
        """,
    "de": """
        der die das und in zu den ist nicht von sie es ein eine einen einem einer mit sich des auf für wird im
        dem sind ich wir ihr ihre ihren unser unsere mein meine kein keine auch als an nach wie bei aus oder
        aber wenn nur noch schon mehr sehr kann können konnte bitte danke hallo guten tag morgen gestern heute
        grüße grüßen freundlichen mfg warum wo wann was wer funktioniert geht rechnung rechnungen fehler seite
        webseite kennwort passwort zahlung konto frage hilfe habe haben hat hatte war waren wurde werden seit
        vor über unter zwischen durch gegen ohne um bis dass weil damit dann doch mal ja nein mich mir uns euch
        ihm ihn sein seine dieser diese dieses etwas nichts alles jetzt wieder immer bereits leider benötigen
        brauche möchte würde sollte müssen muss kunde kunden vertrag kündigen erhalten bekommen senden schicken
        """,
    "fr": """
        le la les de des du un une et est en que qui dans ce cette ces il elle nous vous je ne pas plus par pour
        sur avec au aux se sa son ses mais ou où donc car si tout tous très bien aussi être avoir fait faire ai
        avons avez ont suis sommes êtes sont était votre vos notre nos mon ma mes leur bonjour bonsoir merci
        cordialement salut problème erreur facture site marche fonctionne mot passe paiement depuis hier
        aujourd'hui demain pourquoi comment quand quoi quel quelle besoin aide peux pouvez pouvons peut veuillez
        s'il plaît c'est j'ai n'est n'ai d'un d'une l'adresse qu'il reçu recevoir envoyer toujours jamais encore
        déjà sans sous entre après avant chez
        """,
    "es": """
        el la los las de del un una y es en que no se por para con su sus lo al como más pero este esta estos
        esto muy si sí ya o cuando donde dónde qué quién cómo porque también hay ha he han hemos está están
        estoy estamos ser tener tengo tiene tenemos puede puedo pueden podemos mi mis nuestro nuestra usted
        ustedes hola buenos buenas días tardes noches gracias saludos ayuda error factura pago contraseña correo
        sitio página funciona desde ayer hoy mañana necesito quiero favor cuenta problema nos les me te sin
        sobre entre hasta después antes todavía aún cuándo estará listo lista ahora
        """,
    "it": """
        il lo la i gli le di del della dei delle un una uno e è in che non si per con su al alla come più ma
        questo questa anche sono ho hai ha abbiamo avete hanno era essere avere molto se già o quando dove cosa
        chi perché ci vi mi nostro nostra vostro vostra mio mia buongiorno buonasera ciao grazie saluti errore
        fattura pagamento sito funziona posta password da ieri oggi domani bisogno aiuto vorrei posso potete può
        problema nel nella sul sulla dal dalla tra fra senza dopo prima ancora
        """,
    "pt": """
        o a os as de do da dos das um uma e é em no na nos nas que não se por para com seu sua ao à como mais
        mas este esta isto muito já ou quando onde quem porque também há foi são está estão estou estamos ser
        ter tenho tem temos pode posso podem meu minha nosso nossa você vocês olá bom boa dia tarde noite
        obrigado obrigada cumprimentos ajuda erro fatura pagamento senha correio funciona desde ontem hoje
        amanhã preciso quero favor conta problema sem sobre entre até depois antes ainda
        """,
    "nl": """
        de het een en van in is dat op te zijn met voor niet aan er om ook als maar bij dan nog wel naar uit
        door over kan kunnen we wij ik je jullie u uw ons onze mijn geen heb hebben heeft was werd worden deze
        dit die wat waar wanneer waarom hoe goedemorgen goedendag hallo bedankt dank groet groeten vriendelijke
        fout factuur betaling wachtwoord werkt sinds gisteren vandaag morgen graag alstublieft hulp nodig
        probleem vraag al meer zeer
        """,
    "pl": """
        i w na nie z ze że się do jest to po o jak ale za od tak co dla czy lub albo jeśli jeżeli już przy być
        był była było były są jego jej ich my wy on ona oni ja mi mnie nam nas wam was wasz wasza nasz nasza mój
        moja moje swój ten ta te tego tej tym tych aby żeby kiedy gdy gdzie kto czego dlaczego który która które
        też także tylko jeszcze bardzo można trzeba może mogę chcę będzie będą przed bez przez między pod nad
        brak oto wszystko teraz tu tam dzisiaj dziś wczoraj jutro dzień dobry cześć witam dziękuję dziękujemy
        proszę pozdrawiam poważaniem przepraszam pomoc pomocy działa działają strona strony stronę błąd błędu
        poczta poczty hasło hasła faktura fakturę faktury płatność płatności umowa serwer domena pytanie problem
        mam mamy mają jestem jesteśmy chciałbym chciałabym potrzebuję ponownie rana wysłać otrzymałem
        otrzymaliśmy
        """,
    "cs": """
        a v na ne je se s z že do to po o jak ale za od tak co pro či nebo pokud už při být byl byla bylo jsou
        jsem jsme jste jeho její jich my vy on ona oni já mi mě nám nás vám vás váš vaše náš naše můj moje svůj
        ten ta tento tato toto tomu tím aby když kde kdo proč který která které také jen ještě velmi může mohu
        chci bude budou před bez přes mezi pod nad není všechno teď tady tam dnes včera zítra dobrý den ahoj
        děkuji díky prosím pozdravem pomoc funguje nefunguje stránka stránky chyba chybu pošta heslo faktura
        fakturu platba smlouva dotaz mám máme nejde nefungují fungují nejdou jdou kdy hotovo
        """,
    "sk": """
        a v na nie je sa s z že do to po o ako ale za od tak čo pre či alebo ak už pri byť bol bola bolo sú som
        sme ste jeho jej ich my vy on ona oni ja mi mňa nám nás vám vás váš vaše náš naše môj moje svoj ten tá
        tento táto toto aby keď kde kto prečo ktorý ktorá ktoré tiež len ešte veľmi môže môžem chcem bude budú
        pred bez cez medzi pod nad všetko teraz tu tam dnes včera zajtra dobrý deň ahoj ďakujem prosím pozdravom
        pomoc funguje nefunguje stránka stránky chyba pošta heslo platba mám
        """,
    "sl": """
        in v na ne je se s z da do to po o kot ali ampak za od tako kaj če že pri biti bil bila bilo so sem smo
        ste njegov mi vi on ona oni jaz me nam nas vam vas vaš naš moj svoj ta tega tem ki kje kdo zakaj kateri
        tudi samo še zelo lahko bo bodo pred brez čez med pod nad ni vse zdaj tukaj danes včeraj jutri
        pozdravljeni dober dan hvala prosim napaka deluje stran geslo
        """,
    "hr": """
        i u na ne je se s sa da do to po o kao ali za od tako što šta ili ako već pri biti bio bila bilo su sam
        smo ste njegov mi vi on ona oni ja mene nam nas vam vas vaš naš moj svoj ovaj ova ovo koji koja koje
        gdje gde tko ko zašto također samo još vrlo može mogu želim bit će hoće prije bez kroz između pod nad
        nije sve sada ovdje danas jučer juče sutra dobar dan bok zdravo hvala molim pozdrav lozinka račun greška
        stranica radi
        """,
    "ro": """
        și si în in nu de la cu pe un o este sunt că ca din pentru sau dar dacă mai fi a fost am are avem aveți
        au eu noi voi el ea ei mea meu noastră nostru dumneavoastră acest această care când unde cine ce cum
        foarte doar încă bună ziua salut mulțumesc mulțumim vă rog ajutor eroare factură plată parolă site
        funcționează merge ieri azi mâine după înainte fără
        """,
    "hu": """
        a az és nem hogy is egy van volt de ez azt csak még már el meg ha vagy mint nagyon kell lehet mi én ő ők
        nekem minket önök itt ott most ma tegnap holnap jó napot üdvözlettel köszönöm kérem segítség hiba számla
        fizetés jelszó oldal működik miért mikor hol ki mit amikor után előtt nélkül
        """,
    "tr": """
        ve bir bu da de için ile değil var yok çok daha ama gibi ne o ben biz siz sen onlar bana bize mi mı mu
        mü olarak kadar sonra önce şimdi bugün dün yarın merhaba günaydın iyi günler teşekkürler teşekkür ederim
        lütfen yardım hata fatura ödeme şifre site çalışmıyor çalışıyor neden nasıl nerede zaman kim hangi
        """,
    "sv": """
        och i att det som en på är av för med till den har de inte om ett han men var jag sig från vi så kan när
        år under också hej tack hälsningar vänliga fel faktura betalning lösenord sida fungerar igår idag
        imorgon varför hur vad vem er vår min
        """,
    "da": """
        og i at det som en på er af for med til den har de ikke om et han men var jeg sig fra vi så kan når år
        også hej tak hilsen venlig fejl faktura betaling adgangskode side virker går dag hvorfor hvordan hvad
        hvem jeres vores min
        """,
    "no": """
        og i at det som en på er av for med til den har de ikke om et han men var jeg seg fra vi så kan når år
        også hei takk hilsen vennlig feil faktura betaling passord side virker fungerer går dag hvorfor hvordan
        hva hvem deres vår min
        """,
    "fi": """
        ja on ei se että en hän mutta oli joka ovat kun niin myös tai jos mitä minä me te he olen olemme hei
        kiitos terveisin virhe lasku maksu salasana sivu toimi toimii eilen tänään huomenna miksi miten missä
        """,
    "et": """
        ja on ei see et ma kui aga oli mis siis ka või kes me te nad olen oleme tere aitäh tänan lugupidamisega
        viga arve makse parool leht tööta töötab eile täna homme miks kuidas kus palun
        """,
    "lv": """
        un ir nav ka ar par no uz kas es mēs jūs viņš bet vai arī tikai labdien sveiki paldies lūdzu kļūda
        rēķins parole lapa nedarbojas strādā vakar šodien rīt kāpēc kā kur cieņu
        """,
    "lt": """
        ir yra nėra kad su apie iš į kas aš mes jūs jis bet ar taip pat tik laba diena labas ačiū prašau klaida
        sąskaita slaptažodis svetainė puslapis neveikia veikia vakar šiandien rytoj kodėl kaip kur pagarbiai
        """,
    "az": """
        və bir bu üçün ilə deyil var yox çox daha amma kimi nə mən biz siz onlar mənə bizə salam sabahınız xeyir
        təşəkkür edirəm zəhmət olmasa kömək xəta ödəniş şifrə sayt işləmir işləyir niyə necə harada
        """,
}

TRANSLITERATED_WORDS: dict[str, str] = {
    # Russian and Ukrainian typed with Latin letters, in the spellings people use
    "ru": """
        zdravstvuyte zdravstvujte zdravstvuite zdrastvuyte zdraste privet dobryj dobryi dobriy vecher utro
        spasibo pozhaluysta pozhalujsta pozhaluista pojaluista pojaluysta chto cto kak eto kogda pochemu pochemy
        zachem gde kto kuda skolko kakoy kakoj rabotaet robotaet rabotayet nerabotaet rabotat otkryvaetsya
        otkrivaetsya otkryvaetsia zagruzhaetsya prihodit prihodyat prixodit prishlo pishet oshibka oshibku
        oshibki oshybka sayt sajt saita sayta sajta pochta pochtu pochty pismo pisma parol parolya schet schyot
        oplata oplatil oplatila oplatili oplatu dengi dogovor dogovora hosting nuzhno nuzhen nuzhna nado mozhno
        mozhet mogu mozhete hochu xochu budet budut bylo byl byla esli tolko tozhe takzhe esche eshche eshe
        ochen sdelat sdelayte pomogite podskazhite podskajite skazhite prishlite proverte posmotrite pomoch
        vopros otvet problema uzhe uje segodnya segodnia vchera zavtra seychas sejchas opyat opiat snova vse
        vsyo vsego menya mne moy moj moya nash nasha vash vasha vashi vami vam nam nas ego ee ili chtoby srochno
        polzovatel polzovateli nichego nikto pochinite vklyuchite otklyuchite zdelayte bolshe skoro zhdu zhdem
        dnya den dney uvazheniem s-uvazheniem zaraneye zaranee blagodaryu zabyl zabyla voyti zayti pytajus
        pytayus oplatit kartoj kartoy posle drugoj drugoy sposob cherez nedelju nedelyu est glante pozhalusta
        gotov skan pasporta ya ne da net tut tam eshyo yest takoj takoy kakaya kakoi vozvrashchaet istekaet
        izvinite horosho ploho rebyata rebjata zakaz dostup dostupa
        """,
    "uk": """
        dobrogo dobryy dobryi dobriy dnia vechir ranok pryvit dyakuyu diakuiu dyakuiu dakuyu bud laska budlaska
        shcho scho sho yak iak koly chomu navishcho navischo de hto khto kudy skilky yakyy yakyi yaka pratsyuye
        pratsiuie pracuye pracyuye pratsyue pratsue pracue nepratsyuye vidkryvayetsya vidkryvaietsia
        zavantazhuyetsya pryhodyt prykhodyt pryhodyat prykhodiat pryyshlo pyshe pomylka pomylku pomylky poshta
        poshtu poshty lyst lysty parol rahunok rakhunok oplata oplatyv oplatyla oplatyly splatyly hroshi groshi
        dogovir dohovir treba potribno mozhna mozhe mozhu mozhete hochu khochu bude budut bulo buv bula yakshcho
        yaksho tilky tezh takozh shche sche duzhe zrobyty zrobit dopomozhit pidkazhit skazhit nadishlit
        perevirte podyvitsya dopomogty dopomohty pytannya pytannia vidpovid vzhe sohodni siohodni syohodni
        vchora zavtra zaraz znovu vsi vse meni mene miy mii nash vash vasha vam nam nas yoho yiyi abo shchob
        schob terminovo nichoho nichogo nihto povahoyu povagoyu nemaie nemaye nema chekayu tyzhden rik vyrishyty
        vidnovit ya chy ta trohy berete bezkoshtovno litnyu praktyku nemaje nemae te ne ni tak dyakuju diakuju
        dobroho dobryj vecir pislia pislya cherez kartka kartky sposib domeniv dlia dlya vid pid yikh ii yii
        maie maye
        """,
}

CYRILLIC_PIECES: dict[str, str] = {
    # pieces of words ("_": the edge of a word) that stand in one of the two languages at least seven times as often as
    # in the other, counted in our own labelled mails; only for words without the letters that one of them lacks
    "ru": """
        -то -то_ _адм _воз _вче _дек _дел _жал _и _ид _из _им _име _ин _инт _ис _исп _как _кли _кт _кто _лиц
        _мес _ноч _ноя _нуж _обе _обн _отв _отд _отк _отп _пол _пре _пя _пят _раб _рас _све _сде _сег _сле _смо
        _сн _сов _соз _соо _сот _сох _сче _тех _ув _уве _уд _уда _ука _усл _уст _фи _чел _что _ящ _ящи абин абот
        авь авьт агру адм адми ае аем аем_ ает ает_ аете аетс азб акой ал_ ание анит ания арто асс ате_ афи афик
        аци ацию ашем ащ аща ают_ аютс ая_ бес бин бине бно бнов бова брь брь_ бря бря_ бщ бще бщи бя вае вает
        вая вая_ ведо век верк вет веча вече види вил_ вите вляе вме вмес вое воз возв вой_ вр вре врем вче вчер
        вь вьт вьте вяз гае гам гда гда_ гин гин_ гис гист года дд дде ддер дек дел дел_ дела дель дени дкл дклю
        дле длен дм дми дмин дник долж домл дпи дпис дут_ дят_ дящ ебя егис его его_ егод едел едл едне едом ее
        ее_ ежд ела ела_ ели_ ело елов елю еля еля_ ем_ еме ение ении енил ения енно енял ерее ержк ерь еря еск
        ески есс есть есяц ет_ ети етит етс ется еть_ ец_ ече ечер жда жите жно_ звр звра ибу ибуд ивае ие ие_
        ием ием_ иен иент изи ии ии_ иков ил_ илс ился имен имит инет инт инте ио иров иру ируе истр ите ител
        итс ится ица ица_ ици иче ичес ишл ию ию_ ия ия_ каби как како кая кие кие_ кк клие ков_ кое кое_ кой
        кой_ комм копи кото кц кци лать лг лед ледн лей лет лж лие лиен лл лн лове лож ложе локи лома лс лся
        лся_ лько лючи ляе ляет мае менн меня мес мест меся мили мм мме моз мой мой_ мот мотр мя мя_ ная ная_
        него неде нее нее_ ней ней_ нет_ ниб нибу ние ние_ нием нии нии_ нима нир ните нить ниче ния ния_ нно
        ннос ное ное_ ной ной_ ност ноя нояб нуж о-т о-то обе обно общ обще общи овал оват овек овой одд одде
        оде_ одкл одл одле одп одпи одящ ое ое_ озвр озд озда ои оит ой_ ока_ олг олж олн олуч ольк омл омм омме
        оо ооб ообщ оре_ осе осле ость отв отве отд отда отде откл отор отп отпр отре отру офи охр охра очт очь
        ошло ояб оябр подд подк подн подп пол полн полу поме пото почт пред преж прил прис приш разб разв рать
        рафи раци раща реги редл рее режд ржк рии_ рисл риш ришл ровк ровн родл рое рое_ рой_ рошл руе рует рь_
        ря_ сать све сде сдел сег сего сед сем сет ский ско сле след смен смот сов_ соз созд соо сооб сот сотр
        сох сохр сс сст стои стой сть сумм сче счет счи счит сяц тае тает тве твет твеч тд тда тде тдел тель
        тери теря тех тил_ ткл тклю то- тои тол торо тп тпр тпра тран труд тс тст тств тся тся_ тяб тябр уве
        увед уда уда_ удни уе ует ует_ указ умм усл услу уче учен фи фик хн хни хран ц_ ца_ ции ции_ цию цию_
        ция ция_ чае чает чел чело чера ческ чите что чь шег шего шем шени шни щае щени щик щик_ щика щит ьг ье
        ью ью_ ют_ ютс ются ючи ющ яб ябр ябрь явл яе яет ял_ ят_ яц ящ ящи ящик
        """,
    "uk": """
        'я 'яз 'ят _бач _вик _вим _вип _втр _дод _жо _з_ _зб _зве _зл _зни _зно _зр _зро _й _йо _ке _кош _лис
        _лиш _отр _п' _п'я _пош _рах _роз _спл _тис _хт _хто _щ _що _щод _як _яки _яко ав_ адан айш акри амов
        аний анн ання апит араз артк асни асу ати_ аху ахув ахун ацю ашо ають бач бачи бере бити був бува бул в'
        в'я в'яз вав вав_ ванн вант вати верт вж вже вий вий_ вимк вип випр вист вити влас вми вни вний вся вся_
        вте годи датк денн див дода дять емо емо_ ення ерсь знай зник знов зп зро зроб зс зуп зупи ив_ иви ивн
        ивс ився идал ийш икл илк имкн ини_ ипр ипра исту ися ися_ ити ити_ ицю ицю_ йо йш йшл йшла йшо йшов кну
        кова кож кош кошт кою кою_ крит кув кува ласн лися лиш лиши локу лоп лух луха мик мика милк мк мкн мкну
        мов мовл можу нада ненн нити ння ння_ нням нтаж нув нути ньо ньог ня_ ням ням_ оби обит обув овж овий
        овни озс окув ола омил опад орад орис ослу оти_ ошт ошто ошту ою ою_ ояс оясн п' п'я п'ят перш пису пити
        повн пора пош пошт пояс прац прий рах раху рацю рива рийш рима ринь роби роз розс рсь рськ ртк рув рува
        скар слух сник стоп стув сув сува ськ ська ськи тив тив_ тиж тися тити тичн топ топа трим тув тува тяг
        ув_ ува увал уван уват уно унок упин ути_ ують хт хто ху хув хува хун хунк хуно ць цю цю_ ця ця_ чека чо
        чор чора шов шов_ шог шого шт шта што штов штув що що_ щод ька ька_ ьки_ ьо ьог ього юв юва ють ють_
        ютьс яг як яка яки який яко яс ясн
        """,
}
