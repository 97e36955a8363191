// What mail servers say when they refuse, sorted by why: a table, read from the top, and the meaning of RFC 3463's details where the words
// say nothing.
import type { BounceReason } from './bounce-reasons.ts';
import { words } from './words.ts';

/** The first that matches decides: causes that name themselves before those that only sound alike. */
export const PATTERNS: readonly (readonly [BounceReason, RegExp])[] = [
  ['mailererror', words`\bpipe to \||\|IFS|exec \S+procmail`],
  ['hostunknown', words`
    account or domain may not exist|unrouteable address|bad destination system|
    (?<![\w@.-])(?:[a-z0-9-]+\.)+[a-z]{2,} does not exist`],
  ['userunknown', words`\brecipient address rejected: access denied`],
  ['hostunknown', words`domain name not found|nxdomain`],
  ['spamdetected', words`
    (?:due to|as|likely|detected) (?:being )?(?:spam|unsolicited|suspected spam)|spam (?:classification|detected)|
    likely \S* ?unsolicited`],
  ['rejected', words`address that has been blacklisted|from: domain is invalid|groups\.google`],
  ['onhold', words`\bon hold\b|recipient error\b`],
  ['failedstarttls', words`starttls (?:is )?required|must issue a starttls|tls (?:negotiation|handshake) fail`],
  ['mailboxfull', words`
    (?:mailbox|mail ?box|inbox|mail ?folder|maildir|mail ?drop|account|disk)(?: \S+)?(?:(?:'s)? (?:is|has|are|was|size|quota|
    storage|limit|being|reached|gone|temporarily))* (?:over (?:its )?(?:the )?quota|(?:too )?full|exceed\w*)|over ?quota|
    quota (?:\w+ )?exceed|exceed\w* (?:\w+ ){0,4}(?:quota|storage|mailbox size|allowed size|local limit)|exceeded storage|
    storage (?:quota|limit|space)|not enough (?:disk |storage |free )?(?:space|storage)|
    insufficient (?:disk |user )?(?:space|quota)|out of (?:storage|disk)|too many messages in (?:th\w+ )?(?:mailbox|folder)|
    full mailbox|mailbox (?:full|too large)|ShutoffQuota|no space left for|mailbox.{0,30}(?:一杯|いっぱい)|メールボックスが(?:一杯|いっぱい)|
    容量(?:が|を)|user's disk quota|is overquota|insufficient storage`],
  ['systemfull', words`
    insufficient system storage|mail system full|requested mail action aborted: exceeded storage|system storage|
    no space left on device`],
  ['exceedlimit', words`
    (?:message )?length exceeds administrative limit|exceeds? (?:the )?recipient limit|too many recipients`],
  ['mesgtoobig', words`
    message (?:file |size |length |header size |that you sent )?(?:is )?(?:too (?:big|large|long)|exceeds|larger than|was larger)|
    (?:mail|message|maximum|attachment) size (?:limit )?(?:is )?(?:exceed|violat|too)|
    exceeds? (?:the )?(?:fixed |allowed |maximum |max )*(?:message |mail )?(?:size|limit)|max(?:imum)? (?:message |mail )?size|
    size limit(?:ation)? (?:for|of|exceed)|too (?:large|big) (?:for|to)|RecipSizeLimit|line (?:limit exceeded|(?:is )?too long)|
    message too (?:big|large)`],
  ['authfailure', words`
    \bdmarc\b|\bbad spf\b|\bspf\b.{0,80}(?:fail|reject|not (?:allow|permit|authori)|violat|hard|does not|mismatch)|
    \bdkim\b.{0,60}(?:fail|invalid|not|verif|missing)|unauthenticated (?:e?mail|sender|message)|
    (?:multiple )?authentication (?:checks?|failures?|results?)\b.{0,20}(?:fail|:|$)|
    (?:did not|does not|doesn't|failed to) pass (?:\w+ ){0,3}(?:spf|dkim|dmarc|authentic)|openspf\.|
    fails? (?:spf|dkim|sender[- ]?id)|spf records?|is not (?:a )?(?:permitted|authorized) (?:sender|to send)`],
  ['virusdetected', words`
    virus(?:es)? (?:detected|found|infected|alert)|
    (?:contains?|carr(?:y|ies)|found|infected|detected) (?:by |with |a |the |potential )*(?:virus|malware|trojan|worm)|
    infected (?:file|message|mail|with)|malware (?:detected|found)|reject(?:ed)?.{0,20}\bvirus\b|\bvirus\b.{0,30}reject|
    executable content`],
  ['requireptr', words`
    reverse dns|unverif[iy]*able sending ip|\bptr\b|\brdns\b|reverse[- ]?(?:host|look|map|ip|name|address|resol|path dns)|
    (?:cannot|can't|could not|couldn't|unable to|not) (?:find|resolve|lookup|verify|be resolved)(?: \S+){0,4} (?:reverse |
    your )?(?:hostname|host name|ip address|client ip|connecting host)\b|
    (?:invalid|missing|no|generic|bad|incorrect|poor) (?:matching )?(?:ptr|r-?dns|reverse|reverse-dns)|
    client (?:host|name|ip).{0,60}(?:not (?:find|resolve)|cannot find|no (?:dns|hostname)|unknown)|fix (?:your )?reverse|
    hostname (?:for|of) (?:your )?ip|(?:does not|doesn't|must) (?:have|resolve)(?: \S+){0,4} (?:dns|hostname)|
    (?:ip|address|server|host) (?:\S+ ){0,4}(?:does not|doesn't|must|should|can(?:no|')t) (?:have|resolve|be resolved)|
    no dns (?:a-data|record|name|ptr)|dns (?:name|entry|record)s? (?:for|of) (?:your|the) (?:ip|host|client)|
    unresolvable (?:relay|client|host)|hostname verif|domain name (?:pointer|mismatch)|forward.confirmed`],
  ['blocked', words`
    too many unwanted messages|messages from (?:\[?\d[\d.]+\]?) weren't sent|\bblocked (?:using|by|for|because|due|from|at|-|\()|
    (?:has been|is|was|are|been|currently|message|mail|ip|host|server|connections?|domain|session|
    address) (?:temporarily )?(?:blocked|banned|black-?listed)|\bblack-?list(?:ed)?\b(?!(?:ed)? url)|block ?list|\bdnsbl\b|
    \brbl\b|\brbl\.|spamhaus|spamcop|sorbs\.|njabl|barracudacentral|(?:is|are|was) (?:currently )?listed (?:in|on|at|by)|
    client (?:host|address|ip)[^.]{0,60}(?:rejected|blocked|refused)|
    (?:your|this|sending|connecting) (?:ip|host|server|network|mail server|system|smtp server|domain|isp|mx)(?: address|
    \x20\S+)?(?: \S+)?(?: (?:is|has|was|are|been|not|currently))* (?:blocked|black-?listed|rejected|denied|banned|not (?:allowed|
    permitted|authorized|accepted|welcome)|refused|listed)|
    use (?:the |your )?(?:\S+ )?(?:smtp|mail|isp)[^.]{0,20}(?:server|relay)|
    dynamic(?:ally)?[- ](?:assigned |allocated )?(?:ip|address|pool|host)|residential|dial-?up|refused to talk|
    (?:connections?|mail|e-?mail|messages?) (?:is |are |was )?(?:not accepted|refused|rejected|not allowed|dropped|
    blocked) (?:from|due to|by|for) (?:your|this|the|ip|address|\[|server|dynamic|poor|its|network|site|host)|
    connect(?:ion)?s? (?:rejected|denied|dropped) (?:by|due|from|for)|connection refused due|
    access denied[^.]{0,30}\b(?:ip|\d{1,3}\.\d{1,3}\.\d{1,3}|client)|no access from|bad (?:helo|ehlo)|
    helo (?:command )?(?:rejected|name)|invalid helo|ehlo (?:rejected|name)|don't (?:accept|like) (?:mail|you)|
    you are not allowed to connect|deny ip|ip name lookup|denied by[^.]{0,15}(?:list|acl)|
    too many (?:spam|bad|unknown|invalid|complaint)|\(mail-?abuse|your access (?:to|has)|esmtp not accepting connections`],
  ['badreputation', words`(?:poor|bad|low|no) (?:\w+ )?reputation|reputation (?:of|for|is|score)|sender ?base|senderscore`],
  ['speeding', words`
    rate[- ]?limit|(?:receiving|sending) (?:mail|messages) (?:too|at a rate)|
    too (?:fast|much mail|many (?:messages|e?mails|mails))|throttl|daily (?:user )?(?:sending|message) (?:limit|quota)|slow ?down|
    sending (?:limit|rate|quota)|unusual rate|exceeded the (?:maximum|rate|allowed).{0,30}(?:per|rate|hour|minute|day)`],
  ['toomanyconn', words`
    too many (?:concurrent |simultaneous |open )?(?:connections|sessions|smtp)|connection (?:rate|limit|count)|
    maximum (?:number of )?connections|all available ips? .{0,20}deferr`],
  ['spamdetected', words`
    \bspam\b|\bofr_506\b|\bu[bc]e\b|\bspam(?:my|ming|assassin|like|score|content|trap|ware)\b|unsolicited|junk ?mail|
    bulk (?:e?mail|message)|blacklisted url|uribl|surbl|url(?:s)? (?:in (?:the |this )?message|listed)|message content rejected|
    identified as (?:bulk|junk|unwanted)|(?:looks?|considered|classified) (?:like|as) (?:bulk|junk|unwanted)|
    content (?:is )?(?:filter|rejected|denied|blocked|unacceptable)|unwanted (?:mail|content)|advertis|phish`],
  ['norelaying', words`
    relay(?:ing)?(?: \S+){0,3} (?:access )?(?:is )?(?:denied|not (?:allowed|permitted|supported)|prohibited|restricted|forbidden|
    refused|disallowed|rejected)|no relaying|
    (?:unable|not (?:allowed|permitted|authorized)|cannot|refuse\w*|don't|do not|won't|will not) (?:to )?relay|
    not (?:a|an) (?:open )?(?:mail )?(?:gateway|relay)|relay (?:access|not|operation)|isn't in my list of allowed rcpthosts|
    rcpthosts|not (?:a )?local (?:domain|host)|insufficient permission to relay|mail server requires authentication when|
    must be authenticated to (?:send|relay)|relaying`],
  ['hasmoved', words`
    has (?:been )?(?:permanently )?moved|recipient no longer on server|address (?:has )?(?:been )?changed|
    (?:new|current|forwarding) (?:e?mail )?address (?:is|:)|has been replaced by|no longer at this|moved (?:to|permanently)`],
  ['suspend', words`
    (?:account|mailbox|user|recipient|address|domain|e?mail box|users\(s\) account)[^.;]{0,60}(?:\bdisabled|suspend|\binactive|
    deactivated|\blocked|frozen|discontinued|not (?:currently )?active|closed|terminated|expired|cancell?ed)|
    (?:temporar(?:il)?y |currently )(?:locked|suspended|disabled|inactive|blocked by user)|
    (?:disabled|suspended|deactivated|inactive|locked|invalid/inactive) (?:recipient|user|account|mailbox|address|domain)|
    no longer (?:in use|active|accepting|available|exists and)|is (?:a )?deactivated|account is not activated|blocked account`],
  ['securityerror', words`
    AuthRequired|delivery not authori[sz]ed|authentication (?:is )?(?:required|turned on|failed|needed|failure)|
    \bsecurity (?:error|polic|violat|threat)|not authori[sz]ed to (?:send|deliver) to|encryption (?:needed|required)|
    cryptographic|auth(?:entication)? (?:mechanism|credentials)|executable files are not allowed|authentication unsuccessful|
    user not authori[sz]ed|you are not authori[sz]ed`],
  ['rejected', words`
    sender(?:'s)?(?: \S+){0,3}? (?:rejected|denied|refused|not (?:allowed|accepted|exist|found|verif\w*|valid|permitted)|unknown|
    invalid|blocked|verif\w* fail|is (?:not|invalid)|does not|doesn't|must|has been)|
    sender (?:verif|domain|address rejected|rejected|unknown|denied)|domain (?:of|for) (?:the )?(?:sender|return|mail from)|
    (?:invalid|bad|unroutable|unrouteable|unknown|bogus|forged|fake|unresolvable|malformed|illegal|non-?existent) (?:sender|from|
    return|envelope|mail from|originat)|
    mail ?from\b[^.;]{0,80}(?:reject|denied|not (?:allow|accept|exist|own|permit)|invalid|does not|refused|unknown)|
    purported responsible|all recipient addresses rejected|not (?:a )?(?:list )?members? of|are not member|
    only (?:members|subscribers|list members)|(?:permission|allowed|authori[sz]ed) to post|non-?subscriber|
    not (?:a )?registered (?:gateway )?user|backscatter|null (?:sender|reverse|return)|empty (?:envelope|sender|mail from|return)|
    bounces? (?:are )?(?:not accepted|rejected)|from(?: an)? address (?:that|which|has|is|not)|sending (?:domain|address|to/from)|
    envelope (?:sender|from|blocked)|please (?:do not|don't) (?:send|write)|fix your (?:dns|mx|sender)|
    does not (?:have|resolve).{0,20}mx|sender:|local policy violation for sender|
    unable to verify (?:the )?(?:sender|return|address)|callout verif|verify (?:sender|failed)|
    mail (?:client|user) (?:agent )?(?:is )?not allowed|spoof|impersonat|ce groupe|permission`],
  ['syntaxerror', words`
    syntax error|bad sequence|improper (?:sequence|use|command)|
    (?:command|argument|parameter)s? (?:not (?:recognized|implemented|supported|understood)|unrecognized|unknown|out of sequence|
    rejected)|unrecognized command|malformed address|incorrectly constructed|out of sequence|need (?:mail|rcpt|helo|ehlo)|
    unknown command|invalid (?:command|parameter|argument|syntax)|error in (?:parameters|arguments)`],
  ['userunknown', words`
    (?:user|recipient|mailbox|account|address|addressee|alias|login|customer|subscriber|local part|local-?part|individual|member|
    name)(?:\(s\))?(?:'s)?(?: <?@?[^\s:;]+>?)?[\s:,;.-]{1,4}(?:\w+ ){0,4}?(?:unknown|not (?:found|known|exist\w*|recognized|
    listed|valid|available|local|here|registered|defined|been found|be found)|un-?known|does(?: not|n't|nt) (?:exist|have|match|
    belong)|doesn't|could ?n[o']t be found|cannot be found|invalid|no longer (?:exists|valid)|unavailable|ambiguous|is (?:invalid|
    bad|incorrect|unroutable)|rejected|non-?exist\w*|no existe|inconnu|unbekannt)|
    (?:no|not a|non-?exist\w*|unknown|invalid|bad|illegal|undefined|unrouteable|unroutable|incorrect|nonexistent|wrong|
    inactive)(?: valid| such| known| final| local| destination| delivery| existing| real| email| e-mail| mail| system| this|
    \x20or)*[ -]+(?:user(?:id|name)?|recipients?|mailbox(?:es)?|account|addressee?|alias|local[- ]?part|person|destination|member|
    customer|rcpt|destinataire|name|mail ?drop)|user[- ]?unknown|
    no such (?:\S+ )?(?:user|person|recipient|mailbox|address|account|local|alias|name|email|e-mail|one|destination)|nobody by|
    (?:doesn't|does not|do not|don't|did not|didn't) (?:have|exist|know|match|recognize|find)(?: \S+){0,4}|
    not (?:a |our |one of our )?(?:valid|known|existing|our) (?:user|recipient|mailbox|account|address|customer|domain user)|
    no mailbox|mailbox (?:unavailable|not)|RecipNotFound|recipient not|recipnotfound|has no (?:mailbox|account|such)|
    address (?:rejected|error|unknown)|not listed in|unknown (?:address|local|user|recipient|mailbox)|bad destination mailbox|
    destination (?:server|address)[^.]{0,30}(?:reject|unknown|invalid)|delivery to (?:this|that) (?:user|address) is|
    見つかり(?:ません|ませんでした)|存在しません|access to account .{0,30}denied|undeliverable address|recipient (?:name )?is not recogni[sz]ed|
    unknown recipient|user not exist`],
  ['filtered', words`
    rejected by (?:the )?(?:user|recipient|domain filter)|user reject|
    (?:recipient|recipients)(?: \S+){0,3} (?:was|were|is|has) (?:rejected|refused|restricted)|(?:is|are) only accept|
    domain filter|recipient (?:refused|reject|preferences|is not accepting)|due to (?:extended inactivity|recipient)|
    (?<![\w/])filter(?:ed|s|ing)?\b|could not be reached|we (?:failed|would have|have tried) to deliver|
    not accepting (?:mail|messages) (?:from|to) (?:you|this|that)|refused by recipient`],
  ['notaccept', words`
    does not accept (?:any )?(?:e?mail|smtp|messages|incoming)|no smtp service|null ?mx|not accepting (?:network )?messages|
    system not accepting|smtp (?:protocol|service) (?:is )?(?:disabled|not|returned a permanent)|nullmx|
    no longer accepts? (?:mail|e-?mail)|not accepting (?:mail|connections)|host/domain does not`],
  ['hostunknown', words`
    (?:host|domain|server|system|site|mail exchanger|mx|destination)(?: name)?(?: \S+)? (?:is )?(?:unknown|not (?:found|known|
    exist\w*|valid|be found|resolv\w*)|does(?: not|n't) (?:exist|resolve)|invalid|unresolvable|cannot be (?:found|resolved)|
    could not be (?:found|resolved))|
    (?:unknown|invalid|no such|illegal|bad|non-?existent|unrouteable|unroutable) (?:mail |destination |host/)?(?:host|domain|
    server|system)|name or service not known|host or domain name|nxdomain|no (?:mx|dns|a|mx or a) (?:record|entr|host|lookup)|
    dns (?:error|lookup (?:failure|failed))|bad destination system|
    (?:cannot|could not|can't|unable to) (?:find|locate|resolve|route)(?: \S+){0,4} (?:domain|host|server|mail exchanger|address|
    mx)|domain must (?:exist|resolve)|unrouteable (?:mail )?(?:domain|address)|illegal host/domain|hostname nor|
    lookup of .{0,60} failed|domain (?:\S+ )?not (?:found|exist)|name server (?:error|reports)|
    all relevant mx records point to non-?existent`],
  ['networkerror', words`
    no route to host|network (?:is )?(?:unreachable|down|error)|hop count|too many hops|
    (?:routing|mail|message|forwarding|delivery) loop(?!:? alert)|loops? back to|host (?:is )?(?:unreachable|down)|
    malformed or unexpected name server|name server.{0,30}(?:fail|time)|connection (?:was )?reset|host name lookup failure|
    communication error|too many received`],
  ['expired', words`
    retry ?time(?:out)?(?: \S+)? (?:exceeded|not reached)|time(?:d)?[- ]?out|message (?:has )?expired|giv(?:e|ing) up|gave up|
    delivery (?:time )?(?:has )?(?:been )?(?:expired|delayed|timed)|could not deliver for|too long|
    too many (?:failed )?(?:attempts|retries)|failed \d+ attempts|did not accept our requests to connect|not responding|
    connection (?:refused|lost|closed|dropped|failed|to)|has been delayed|still being retried|
    unable to (?:deliver|connect|contact|reach)(?: \S+){0,6} (?:in|for|within|after|to|server|host)|within \d+ (?:days|hours)|
    queue\.expired|in (?:the )?(?:mail )?queue (?:too|for|more)|(?:all )?hosts (?:for \S+ )?have been failing|
    was not reach(?:ed|able)|no (?:response|answer|servers? available)|
    for (?:more than|over|the last) \d+ (?:hour|day|second|minute)|retried (?:until|for)|could not connect|cannot connect|
    deferred|delayed|warning message only`],
  ['mailererror', words`
    \bpipe (?:to|returned|delivery|"|\|)|exit(?:ed)?(?: \w+)? (?:abnormally|with|value|status|code)|
    command (?:failed|died|output|returned|time limit|exited)|procmail|local (?:delivery|mailer) (?:failed|agent|error)|
    mailer error|x-unix|(?:died on|terminated by) signal|\|IFS|unknown mailer|error in processing|child process|
    returned (?:exit )?(?:status|code) \d|smtp-gateway error|failed to autoreply|program (?:failed|failure)|bad address "?\||
    exec \S+procmail`],
  ['contenterror', words`
    media error|message (?:content|format|header) (?:error|not|is (?:not|invalid)|invalid|violat)|
    (?:invalid|bad|illegal|duplicate|multiple|missing|malformed|unparse?able|improper) (?:mime|header|content|charset|date|from|
    to|message-id|character|attachment|structure|encod)|mime (?:error|format|type)|bare (?:lf|cr|newline)|
    attachment (?:type|name|is|not|block)|8-?bit (?:data|char)|improper use of 8|conversion (?:required|not supported|failed)`],
  ['notcompliantrfc', words`
    (?:not|non)[- ](?:rfc|compliant|in compliance)|rfc ?(?:2822|5322|822|5321|2821)|violat\w* (?:of )?rfc`],
  ['policyviolation', words`
    \bpolicy\b|header error|prohibited|not (?:allowed|permitted) (?:to|by|for)|administrative|disallowed|confidential|
    delivery (?:is )?(?:restricted|denied)|no matches to nameserver query`],
  ['securityerror', words`
    access (?:is )?denied|denied access|permission denied|account (?:was|is) (?:subjected|under) attack|not authori[sz]ed|
    unauthori[sz]ed|\bsecurity\b`],
  ['systemerror', words`
    does not support tls|internal (?:system |server |software )?(?:error|problem)|
    system (?:config\w*|error|problem|failure|resources|incorrectly)|
    (?:server|local|config\w*|i/o|disk|database|ldap|software|temporary|operating system|unexpected|protocol|transient|resource|
    processing|queue) (?:\w+ )?(?:error|failure|problem|fault)|unable to (?:create|open|lock|write|access|process|look)|
    can(?:'t|not) (?:create|open|write|append|lock|exec|chdir|access|update)|
    could not (?:write|open|load|create|complete|process)|loop(?:back)?(?::)? (?:alert|detected|error)|duplicated? message-id|
    service (?:not available|unavailable|currently unavailable|is down)|server (?:is )?(?:down|busy|unavailable|misconfig|failed)|
    other mail system|temporar(?:y|ily) (?:un|fail|deferr|rejected|local)|
    mail (?:system|server) (?:\w+ )?(?:error|problem|failure)|proxy error|i'm out of|config`],
];

/** RFC 3463's details and what the large providers made of the free ones, without the class. */
export const STATUS_REASONS: Readonly<Record<string, BounceReason>> = {
  '1.0': 'userunknown', '1.1': 'userunknown', '1.2': 'hostunknown', '1.3': 'userunknown', '1.4': 'filtered', '1.6': 'hasmoved',
  '1.7': 'rejected', '1.8': 'rejected', '1.9': 'userunknown', '1.10': 'notaccept',
  '2.0': 'filtered', '2.1': 'filtered', '2.2': 'mailboxfull', '2.3': 'exceedlimit', '2.4': 'filtered',
  '3.0': 'systemerror', '3.1': 'systemfull', '3.2': 'notaccept', '3.3': 'systemerror', '3.4': 'mesgtoobig', '3.5': 'systemerror',
  '4.0': 'networkerror', '4.1': 'expired', '4.2': 'expired', '4.3': 'systemerror', '4.4': 'hostunknown', '4.5': 'systemfull',
  '4.6': 'networkerror', '4.7': 'expired',
  '5.0': 'mailererror', '5.1': 'syntaxerror', '5.2': 'syntaxerror', '5.3': 'exceedlimit', '5.4': 'syntaxerror',
  '5.5': 'syntaxerror', '5.6': 'syntaxerror',
  '6.0': 'contenterror', '6.1': 'contenterror', '6.2': 'contenterror', '6.3': 'contenterror', '6.5': 'contenterror',
  '6.6': 'contenterror', '6.7': 'contenterror', '6.8': 'contenterror', '6.9': 'contenterror',
  '7.0': 'securityerror', '7.1': 'securityerror', '7.2': 'filtered', '7.3': 'securityerror', '7.4': 'securityerror',
  '7.5': 'securityerror', '7.6': 'securityerror', '7.7': 'securityerror', '7.8': 'securityerror', '7.9': 'securityerror',
  '7.10': 'securityerror', '7.11': 'securityerror', '7.12': 'securityerror', '7.13': 'suspend', '7.14': 'securityerror',
  '7.17': 'hasmoved', '7.18': 'hasmoved', '7.20': 'authfailure', '7.21': 'authfailure', '7.22': 'authfailure',
  '7.23': 'authfailure', '7.24': 'authfailure', '7.25': 'requireptr', '7.26': 'authfailure', '7.27': 'notaccept',
  '7.28': 'speeding', '7.509': 'authfailure', '7.511': 'blocked', '7.606': 'blocked', '7.705': 'badreputation',
};
