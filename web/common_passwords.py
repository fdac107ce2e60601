"""Passwords of eight characters and more that are guessed first."""

_WORDS = """
00000000 01234567 0123456789 0987654321 11111111 11223344 112233445566 123123123 12341234
12345678 123456789 1234567890 1234qwer 12qwaszx 135792468 147258369 159753456 19871987 19901990
1q2w3e4r 1q2w3e4r5t 1qaz2wsx 1qazxsw2 20002000 22222222 246813579 27182818 31415926 321321321
33333333 44444444 456789123 55555555 66666666 69696969 741852963 77777777 789456123 87654321
88888888 987654321 99999999 a1b2c3d4 aaaaaaaa abc12345 abc123456 abcd1234 abcdefgh abcdefghi
abcdefghij admin123 admin1234 adminadmin administrator airplane alexander alexandra angel123
angels12 arsenal1 asdf1234 asdfasdf asdfghjk asdfghjkl asdfqwer asshole1 autumn123 azerty123
azertyui azertyuiop babyboy1 babygirl babygirl1 banana123 barcelona baseball baseball1
basketball batman123 benjamin bestfriend blessed1 blink182 brother1 bullshit buster12 butterfly
butterfly1 challenger changeme changeme1 changeme123 charlie1 cheese12 chelsea1 chocolate
chocolate1 columbia computer computer1 contrasena cookie123 correcthorsebatterystaple corvette
danielle december default1 discovery dragon12 dragon123 elizabeth enterprise facebook facebook1
falcon12 family123 father12 february ferrari1 football football1 forever1 friday123 friends1
frodo123 fuckyou1 fuckyou2 gandalf1 garfield ginger12 godisgood golfer12 google123 guest123
guest1234 harley123 harrypotter heaven12 hello123 hello1234 hellokitty helloworld hockey12
hogwarts hunter12 hunter123 ihateyou iloveu123 iloveyou iloveyou1 iloveyou2 internet internet1
january1 jennifer jennifer1 jessica1 jesus123 jesuschrist jordan23 juventus killer12 killer123
letmein1 letmein123 linkedin liverpool liverpool1 lollipop lovelove loveyou1 maggie12 manchester
master12 master123 matrix12 mercedes merlin12 metallica michael1 michelle michelle1 midnight
monday123 monkey12 monkey123 motdepasse mother12 mustang1 mypassword mypassword1 myspace1
newpassword newpassword1 nicholas nirvana1 nopassword november october1 oldpassword orange12
p@ssw0rd p@ssword passport passw0rd password password! password1 password1! password12
password123 password123! password1234 passwort1 peanut12 pepper12 phoenix1 pokemon1 porsche1
precious princess princess1 pumpkin1 purple12 pussycat q1w2e3r4 q1w2e3r4t5 qazwsx123 qazwsxedc
qweasdzxc qwer1234 qwerasdf qwerty12 qwerty123 qwerty1234 qwerty12345 qwertyui qwertyuiop
ranger12 realmadrid root1234 rootroot samantha samsung1 samsung123 scooby12 secret123 secret1234
september shadow12 shadow123 sister12 slipknot snoopy12 soccer12 spiderman spring123 startrek
starwars strawberry summer12 summer123 summer2023 summer2024 summer2025 summer2026 sunshine
sunshine1 superman superman1 sweetheart tennis12 test1234 test12345 testing1 testing123 testtest
thursday tigger12 tinkerbell toolyard toolyard1 toolyard123 trustno1 victoria welcome1 welcome12
welcome123 whatever whatever1 winter123 winter2023 winter2024 winter2025 winter2026 wizard12
xsw2zaq1 yamaha123 yellow12 yourpassword zaq12wsx zaq1zaq1 zxcvbnm1 zxcvbnm123
"""

COMMON = frozenset(_WORDS.split())
