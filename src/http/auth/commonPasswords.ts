/** The passwords that attackers guess first, in lower case. */
export const COMMON_PASSWORDS: ReadonlySet<string> = new Set(
  `
    123456 123456789 12345678 password qwerty123 qwerty1 111111 12345 secret 123123 1234567890 1234567 000000
    qwerty abc123 password1 iloveyou 11111111 dragon monkey 123123123 123321 qwertyuiop 00000000 password123
    654321 target123 tinkle zag12wsx gwerty gwerty123 666666 computer 1q2w3e4r5t 1q2w3e4r 1qaz2wsx 88888888
    987654321 147258369 asdfghjkl football baseball welcome welcome1 welcome123 admin admin123 administrator
    letmein letmein1 master sunshine princess princess1 shadow superman batman trustno1 michael jennifer jordan23
    hunter2 hunter12 killer charlie andrew matthew daniel jessica ashley michelle nicole starwars whatever qazwsx
    qazwsxedc 1qazxsw2 zxcvbnm zxcvbnm1 asdfasdf asdf1234 asdfgh asdfghjk passw0rd p@ssw0rd p@ssword pa55word
    password12 password1234 password12345 password2 password! password1! changeme changeme1 changeme123 default
    guest guest123 test test123 test1234 testtest testing testing123 tester demo demo1234 root toor rootroot temp
    temp123 temppass temporary user user123 username login login123 access access14 secret123 topsecret
    supersecret qwerty12 qwerty1234 qwerty12345 qwerty123456 qwe123qwe qweasdzxc qweqwe123 q1w2e3r4 q1w2e3r4t5
    q1w2e3r4t5y6 1q2w3e4r5t6y a1b2c3d4 a123456 a12345678 a123456789 aa123456 aa12345678 abcd1234 abcdefgh abcdefg1
    abcdef123 abc12345 abc123456 abc123abc abcabc123 alphabet 12341234 12344321 12345679 123456a 123456aa
    123456abc 1234abcd 1234qwer 1234567a 12345678a 12345678910 123454321 123698745 1357924680 13579246 112233
    11223344 1122334455 121212 12121212 123654 123654789 1234554321 22222222 222222 33333333 44444444 55555555
    555555 66666666 77777777 777777 7777777 99999999 999999999 999999 101010 10101010 19841984 19871987 19901990
    20002000 20202020 31415926 314159265 36925814 741852963 789456123 789456 963852741 159357 159753 147852369
    147852 258456 852456 987654 9876543210 98765432 87654321 76543210 0123456789 01234567 012345678 0987654321
    09876543 00000001 00001111 11112222 111222333 111222 1111111 111111111 1111111111 0000000000 000000000
    iloveyou1 iloveyou2 iloveyou! iloveu iloveme iloveme1 loveyou lovelove loveme1 lovely lovers forever forever1
    friends friends1 family family1 jesuschrist jesus123 blessed1 heaven angel angels angel123 angelina babygirl
    babygirl1 babyboy1 sweetheart sweety buttercup cookie cookies cookie123 chocolate chocolate1 strawberry cheese
    cheese123 banana orange orange12 apple123 pepper ginger pumpkin peanut hello hello123 hello1234 helloworld
    hello12345 goodbye1 greenday metallica nirvana blink182 slipknot beatles elvis123 liverpool liverpool1 arsenal
    arsenal1 chelsea chelsea1 manchester manutd barcelona barcelona1 realmadrid juventus football1 football12
    soccer soccer12 soccer123 baseball1 basketball basketball1 hockey hockey12 yankees yankees1 cowboys cowboys1
    steelers lakers lakers24 eagles redsox packers patriots mustang mustang1 corvette ferrari ferrari1 porsche
    mercedes bmw12345 harley harley1 yamaha honda123 toyota nissan camaro chevy123 pokemon pokemon1 pikachu naruto
    naruto123 narutouzumaki dragonball dragonball1 minecraft minecraft1 minecraft123 roblox roblox123 fortnite
    callofduty starcraft warcraft warcraft1 diablo counter gamer123 player1 samsung samsung1 samsung123 nokia
    nokia123 google google123 facebook facebook1 youtube myspace1 linkedin twitter internet internet1 microsoft
    windows windows1 windows10 linux123 ubuntu computer1 computer123 laptop123 internet123 server server123
    database oracle oracle123 mysql123 postgres cisco cisco123 network wireless support support1 system system123
    manager manager1 service office1 company1 business money money123 moneymoney dollar1 bitcoin summer summer1
    summer12 summer123 summer2020 summer2021 summer2022 summer2023 summer2024 summer2025 winter winter12 winter123
    winter2020 winter2021 winter2022 winter2023 winter2024 winter2025 spring123 spring2023 spring2024 spring2025
    autumn123 autumn2023 autumn2024 january1 february march123 april123 june1234 july1234 august12 september
    october november november1 december december1 monday12 monday123 friday12 friday13 sunday12 monkey1 monkey12
    monkey123 dragon1 dragon12 dragon123 tigger tigger1 tigers tiger123 panther1 lion1234 eagle123 falcon123
    dolphin dolphin1 dolphins butterfly butterfly1 flower flower1 flowers rainbow rainbow1 sunflower sunshine1
    sunshine12 moonlight starlight midnight midnight1 blackcat diamond diamond1 crystal crystal1 silver silver1
    golden1 purple purple1 yellow yellow1 black123 blackberry princess12 princess123 prince123 queen123 kingking
    king1234 superman1 superman123 batman123 batman1 spiderman spiderman1 ironman1 captain1 wonderwoman america1
    american1 canada123 london123 england england1 scotland1 ireland1 australia newyork newyork1 california
    california1 chicago chicago1 boston123 texas123 florida1 dallas123 jackson jackson1 jackson5 michael1
    michael123 jordan jordan1 jordan123 robert123 thomas thomas1 thomas123 william william1 richard1 joseph1
    anthony anthony1 charles charlie1 charlie123 george george123 daniel1 daniel123 david123 david1234 andrew1
    andrew123 matthew1 joshua joshua1 joshua123 justin justin1 brandon brandon1 christian christopher benjamin
    nathan123 jonathan alexander alexander1 alexandra victoria victoria1 elizabeth elizabeth1 samantha samantha1
    amanda amanda1 jessica1 jessica123 jennifer1 ashley1 ashley123 nicole1 nicole123 melissa melissa1 stephanie
    natalie1 hannah hannah1 rachel rachel123 rebecca1 vanessa vanessa1 veronica patricia isabella isabella1
    sophia123 olivia123 taylor taylor1 maggie maggie1 buster buster1 bailey bailey1 cooper rocky123 max12345
    lucky123 lucky777 lucky1234 snoopy scooby scoobydoo mickey mickeymouse disney disney123 starwars1 startrek
    matrix123 gandalf gandalf1 harrypotter harrypotter1 hogwarts voldemort frodo123 merlin merlin123 phoenix
    phoenix1 thunder thunder1 lightning hurricane tornado1 freedom freedom1 liberty1 justice1 warrior warrior1
    soldier1 marines1 military army1234 navyseal ranger ranger12 sniper123 hunter hunter1 hunter123 fishing
    fishing1 fishhead hunting1 golfer golf1234 tennis123 guitar guitar1 guitar123 music123 musicman drummer1
    rockstar rockstar1 rockyou rock1234 dancer1 dancing trustme1 letmein123 letmein! opensesame sesame123 enter123
    please123 pleaseme nothing nothing1 something something1 anything everything whatever1 whoknows nopassword
    mypassword mypassword1 thepassword yourpassword newpassword newpass1 oldpassword passpass passpass1 password0
    password3 password01 password11 password13 password21 password22 password69 password99 password321 passwords
    passwort passwort1 motdepasse contrasena contraseña senha123 senha1234 parola123 parola12 haslo123 wachtwoord
    geheim123 hallo123 hallo1234 schatz123 sommer123 bonjour1 bonjour123 azerty azerty123 azertyuiop soleil123
    doudou123 loulou123 chouchou qwertz123 qwertzuiop asdfqwer asdf12345 asdfjkl1 zxcvbn123 zxcvasdf zaq12wsx
    zaq1zaq1 zaq1xsw2 xsw21qaz 1qaz@wsx !qaz2wsx 1qaz1qaz 2wsx3edc 3edc4rfv qaz123wsx qaz12345 wsxedc123
    poiuytrewq lkjhgfdsa mnbvcxz mnbvcxz1 0okm9ijn 1a2b3c4d 1a2s3d4f 1z2x3c4v 12qwaszx 12345qwert 12345qwerty
    123qwe 123qweasd 123qwe123 123qweasdzxc 123abc123 123asd123 1password 1234password admin1 admin12 admin1234
    admin12345 admin@123 administrator1 adminadmin adminpass rootpass toor1234 root1234 root12345 sysadmin
    superuser superadmin master1 master12 master123 master1234 killer1 killer123 hacker hacker123 hackers1
    anonymous anonymous1 ninja123 ninjas123 pirate123 zombie123 vampire1 monster monster1 monster123 godzilla
    dinosaur unicorn unicorn1 mermaid1 fairy123 magic123 magical1 wizard123 fuckyou fuckyou1 fuckyou2 fuckoff1
    asshole asshole1 bullshit bitch123 sexy1234 sexygirl sexyboy1 hotgirl1 playboy playboy1 lovers123 696969
    69696969 420420420 blaze420 weed4200 marijuana smokeweed whiskey1 vodka123 beer1234 budlight heineken
    corona123 cocacola cocacola1 pepsi123 coffee123 starbucks pizza123 pizzapizza burger123 chicken chicken1
    chicken123 bacon123 turtle123 rabbit123 kitten123 kittycat puppy123 doggy123 doglover catlover horses123
    ponies123 cowboy12 cowgirl1 country1 yankee12 tucker12
  `
    .trim()
    .split(/\s+/),
);
