"""Rare-token identifiers: short strings that mean almost nothing to a text encoder (section 3.2).

A made-up string such as "xxy5syt00" is no substitute: the tokenizer cuts it into single letters,
and every letter has a strong prior of its own.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from typing import Any, Protocol

from booth.errors import BaseModelError

_CLIP_SIZE, _CLIP_RARE = 49_408, 40_000
_T5_SIZE, _T5_RARE = 32_100, (5_000, 10_000)
_BYTE_PIECES = 512
_ENOUGH = 8
_WHOLE_WORD = re.compile(r"(?:[▁Ġ](?P<after>[A-Za-z]{2,3})|(?P<before>[A-Za-z]{2,3})</w>)\Z")
_VOWEL = re.compile("[aeiouy]", re.IGNORECASE)


class Tokenizer(Protocol):
    """What this room needs of a tokenizer; those of transformers have it."""

    def __len__(self) -> int: ...

    def __call__(self, text: str, *, add_special_tokens: bool) -> Any: ...

    def convert_ids_to_tokens(self, ids: list[int]) -> Any: ...

    def decode(self, ids: list[int]) -> Any: ...


def identifier(tokenizer: Tokenizer, seed: int, length: int = 1) -> str:
    """`length` (1 to 3) rare tokens joined by spaces: the [V] of "a [V] dog" (section 3.2).

    The same tokenizer and seed always give the same identifier. Raises BaseModelError when
    the vocabulary has no rare end.
    """
    if not 1 <= length <= 3:
        raise ValueError(f"an identifier has 1 to 3 tokens, not {length}")
    return " ".join(rare_tokens(tokenizer, length, seed))


def rare_tokens(tokenizer: Tokenizer, count: int, seed: int) -> list[str]:
    """`count` different rare words of 2 or 3 letters, each exactly one token of the vocabulary.

    Joined by spaces they come back from the tokenizer as the same tokens. Raises BaseModelError
    when the vocabulary has fewer than `count` of them.
    """
    if count < 0:
        raise ValueError(f"cannot give {count} tokens")
    pool = _pool(tokenizer, count)
    chosen = random.Random(seed).sample(pool, count)
    words = [word for _, word in chosen]
    if not _survives(tokenizer, " ".join(words), [number for number, _ in chosen]):
        raise _no_rare_end()
    return words


def _pool(tokenizer: Tokenizer, want: int) -> list[tuple[int, str]]:
    """(id, word) candidates from the narrowest rare end that has enough; vowel-less ones first."""
    pieces = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    special = set(getattr(tokenizer, "all_special_ids", ()))
    for ids in _rare_ends(pieces):
        found = [
            (number, word)
            for number in ids
            if number not in special
            and (word := _rare_word(pieces[number]))
            and _survives(tokenizer, word, [number])
        ]
        plain = [(number, word) for number, word in found if not _VOWEL.search(word)]
        if len(plain) >= max(want, _ENOUGH):
            return plain
        if found and len(found) >= want:
            return found
    raise _no_rare_end()


def _rare_ends(pieces: Sequence[str | None]) -> list[range]:
    """Three ranges of ids, each wider than the last, in which rare words are looked for.

    Merges are learned by falling frequency, so in a BPE vocabulary a higher id is rarer: ids from
    40,000 on in CLIP's. A unigram vocabulary ends in clutter, so there it is the paper's
    {5000, ..., 10000} of T5. Vocabularies of another size get the same share of theirs.
    """
    size = len(pieces)
    if sum(bool(piece) and str(piece).startswith("▁") for piece in pieces) * 10 > size:
        start, stop = (size * bound // _T5_SIZE for bound in _T5_RARE)
        return [range(start, min(size, start + (stop - start) * wide)) for wide in (1, 2, 3)]
    tail = size - size * _CLIP_RARE // _CLIP_SIZE
    return [range(max(_BYTE_PIECES, size - tail * wide), size) for wide in (1, 2, 3)]


def _rare_word(piece: str | None) -> str:
    """The word a piece spells, or "" where it is no whole word or one with a meaning."""
    match = _WHOLE_WORD.match(piece or "")
    if not match:
        return ""
    word = match["after"] or match["before"]
    return "" if word.lower() in _MEANT else word


def _survives(tokenizer: Tokenizer, text: str, ids: list[int]) -> bool:
    """Whether `text`, in its place after an article, is read as exactly `ids` and back."""
    before = _ids(tokenizer, "a")
    return _ids(tokenizer, f"a {text}") == before + ids and tokenizer.decode(ids).strip() == text


def _ids(tokenizer: Tokenizer, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _no_rare_end() -> BaseModelError:
    return BaseModelError(
        "This base model's vocabulary has no rare words to call a subject by.",
        "Choose another base model.",
    )


_ENGLISH = """
ab ad ah am an as at aw ax ay be by do eh er ex go ha he hi ho id if in is it la lo ma me mi mu my
no of oh oi ok on op or ow ox oy pa pi re so ta ti to um un up us we wo ya ye yo abs ace act add
ado aft age ago aha aid ail aim air ale all alp amp and ant any ape app apt arc are ark arm art ash
ask asp ass ate auk ave awe awl awn axe aye baa bad bag bah ban bar bat bay bed bee beg bet bib bid
big bin bio bit boa bob bod bog boo bot bow box boy bra bro bud bug bum bun bus but buy bye cab cad
cam can cap car cat caw cay chi cob cod cog con coo cop cot cow coy cry cub cud cue cup cur cut dab
dad dam day den dew did die dig dim din dip doc doe dog don dot dry dub dud due dug duo dye ear eat
ebb ecg eel egg ego eke elf elk elm emo emu end eon era erg err eve ewe exe eye fab fad fan far fat
fax fed fee fen few fey fez fib fie fig fin fir fit fix flu fly fob foe fog fop for fox foy fro fry
fun fur gag gal gap gas gay gee gel gem get gig gin gnu goa gob god goo got gum gun gut guy gym had
hag ham hap has hat haw hay hem hen her hew hex hey hid him hip his hit hob hoe hog hop hot how hub
hue hug huh hum hut ice icy ilk ill imp ink inn ion ire irk its ivy jab jag jam jar jaw jay jet jib
jig job jog jot joy jug jut keg key kid kin kit koi lab lac lad lag lam lap law lax lay lea led lee
leg lei let lid lie lip lit lob log loo lop lot low lox lug lux lye mac mad man map mar mat maw max
may meh men met mew mid mil mix mob moo mop mow mud mug mum nab nag nap nay net new nib nil nip nit
nix nod nor not now nub nun nut oaf oak oar oat odd ode off oft oil old one ooh opt orb orc ore our
out ova owe owl own pad pal pan par pas pat paw pay pea peg pen pep per pet pew pie pig pin pip pit
ply pod poi poo pop pot pox pro pry pub pug pun pup pus put rad rag raj ram ran rap rat raw ray red
ref rep rev rib rid rig rim rip rob roc rod roe rot row rub rue rug rum run rut rye sac sad sag sap
sat saw sax say sea see set sew sex she shy sic sin sip sir sis sit six ska ski sky sly sob sod soh
sol son sop sot sow soy spa spy sty sub sue sum sun sup tab tad tag tan tap tar tat tax tea tee ten
the thy tic tie tin tip toe tom ton too top tor tot tow toy try tub tug tut tux two ugh ups urn use
van vat vet vex via vie vim vow wad wag wan war was wax way web wed wee wet who why wig win wit woe
wok won woo wow yah yak yam yap yaw yay yea yeh yen yep yes yet yew yip you yum yup zap zen zig zip
zit zoo
"""
_NAMES = """
abe abi abu ada ali amy ann aoa ava axl bea bec ben bev bts cal cgi cho dan dav deb dee del des dom
dru eli ely ema eva exo fay gus hal hov ian ida ike ira ivo jae jan jax jed jen jim jin joe jon jos
kai kay ken kim kip len leo les lev lex liu liv liz lou luc lyn mae mao meg mel mia moe nan nas nat
ned nev pam rex ron roy rza sal sam sid ted tia tim tlc ufo ulf ute uwe val vic wei wes wib yao yoo
yuh zac zeb zoe
"""
_ACRONYMS = """
afd bmi esg gsa hyd cii isf mci msi ubs ucd cbe cse mha eba awp apd sba adp ehs eod gad hak kak beh
luz cem nep jio jie soi yaz iva hoh sof nad lyf awk wud nwo cah pul fal gby odo sua zam tye ndi utz
ulu omf oof bez cna ibc ucn doa hta gup cdo omd acu bpa bsa bsu bse cca dca eet kwa vot hts
akb aml req seq inv icn muc noc urd nir tog mek xpo sog emt cep mog hom tae nme rui xin luc nov pli
cq cv dc dj dm dr fc ff fj fm ft fx fz gb gm gq gt gx hd hk hp hq hr hs ht hz iv jb jk jr jv kb kc
kf kg kj km kn kr kv kw lb lg ll lt lv mc mf mg mh mj ml mm mn mp ms mt nc nd nl nm nt nv ny nz pc
pj pk pl pm pr ps pt pv pz qb qc qm qr rb rc rd rl rm rn rr rt rv rx sa sb sc sd sf sh sl sm sn sp
st sv tc td tf th tm tn tr ts tt tv uk uv vc vg vk vm vp vr vs vt vw vx wh wr wv ww wx xj xl xx yt
zh zm zw aaa abc abd acr afl aka aol apa api atm bbc bbq bcc bcs bfi bgc bgt bhk blm bln blr bmw
bmx bnp bpd bpm brc brt bsc bsd bsf bsn bsp bst btc btn btr btw bws cbc cbd cbp cbs cbt ccd ccl ccm
ccp cdc cec ceo cfc cfd cfl cfo cfp cfr chd chk cia cio clg cls cmc cms cmt cng cnn cns cpd cpl cpr
cpu crt csg csi csk csm csn csr css cvs cws dbs dbz dcs dcu dds dfw dhl diy djs dll dma dmc dms dmv
dmx dna dnd dns dod dps dsa dsd dsp dss dtm dts dui dvd dvr dwp ecb edm edt eos eps esl esp est eta
etc eur eus faq fbi fbr fbs fda fdi fdr ffs fml fnc fnl fps fpv frc fsu ftc ftp ftw fue fyi gau gbc
gbp gcc gdp ghz gif gis glc gmc gmo gmt gna gop gov gps gpu grc grl gsc gsp gst gta gtr gtx haj hbd
hbo hcs hdd hdr hiv hmm hms hmv hpv hrs hsc hsv iac ibm ibs icc icu idh ied imc imf inc ioc ios ipa
ipl ips irs isp iss itv ivf jcb jcp jdm jfc jfk jpg jpl jpm jst jwt kbs kfc kgb kgs khz kjv kkr knw
kph kpk kst lbj lbs lcd lds lfc lhp llc lls lmp lnp lol lpc lpg lsd lsu ltd mba mbc mbe mcd mdc mds
mfg mgm mgr mgs mgt mhz mlb mlg mlk mls mma mmc mmj mmm mmo mms mnd mnf mod moz mpg mph mri mrs mrt
msc msd msg msl msm msn mss msu msw msy mtb mtg mth mtr mtv muy mvc mvp mwc mwf nba nbc nbl ncs ndc
ndp neh neu nfc nfl nft nfv nhc nhl nhs nje nmd noh npa npc npr nps npt nra nrc nrf nrg nrl nsa nsw
ntv nwa nxt nyc nye nyt oem ofc ops ost owo pbb pbc pbs pcb pcm pcs pdc pdf pdp pdt pff pga pgh phd
phl php pic pjs pkg pkk pkl pkm pls plz pmi pmo png pnw pos ppc ppl ppm ppv prc prs psa psb psd psg
psi psl psn psp pst psv ptv pvc pvp pvt pwc qbs qpr qtr qvc rae raf rbc rbi rbs rca rcb rcn rdr rfp
rgb rmb rms rna rnb rnc rnr rpg rpm rps rsa rsc rsl rss rtl rtr rts rtx rvs sbs scd scp sdc sdk sdn
seo sff sfo sfx sgh sgt shc shh shm skc sks slp slv smb smg smh sms smw smx snf sng snl snp sns spd
spf spl spp spv sql sqm sqn srh srk srl srp srs ssb ssc ssd ssg ssh ssl ssp sst std stg stl stn sts
stx suv svc svp svt svu swc swv sxm syd szn tba tbc tbd tbh tbl tbr tbs tbt tcm tdp tds tfl tfw thn
tht thx tko tls tmc tmi tms tmw tmz tna tnt tps trc trp trt tsb tsk tsm tsn tsp ttc ttm ttp tts tvc
tvn tvs twc txt ucl uhc unc usa usb usc usd usm usn utc uti utm vcs vcu vfl vfx vhs vip vlc vpn vtg
wbc wdw wfh wrc wsj wsl wsw wth wto wwe wwf wwi wwx xml xvi xxl yey yrs
"""
_INSULTS = """
bj abo azz bbw cnt coc cok coq cuk cum cun dic dik dix dum dyk fag fap fcc fck fuc fuk fuq fux gae
gfy gok goy gyp hoa hor jap jew jiz kkk kms kyk kys ngr nig pee pms prn pss psy ptn rpe sht sux szz
tit vag wog wop wtf xxx
"""
_MEANT = frozenset(f"{_ENGLISH} {_NAMES} {_ACRONYMS} {_INSULTS}".split())
