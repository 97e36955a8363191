// Telling a reply from what it quotes. Each HTML is written in the way of the client that it names.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { textPart } from '../../../src/channels/email/body.ts';
import { splitReply } from '../../../src/channels/email/reply-text.ts';

const CLIENTS: [name: string, html: string][] = [
  ['Gmail', '<div dir="ltr">Yes, please.</div><br><div class="gmail_quote gmail_quote_container"><div dir="ltr" class="gmail_attr">On Mon, Jun 2, 2025 at 10:00 AM Acme &lt;<a href="mailto:support@acme.example">support@acme.example</a>&gt; wrote:<br></div><blockquote class="gmail_quote" style="margin:0"><div>Shall we send it again?</div></blockquote></div>'],
  ['Apple Mail', '<html><body>Yes, please.<br><div><br><blockquote type="cite"><div>On 2. Jun 2025, at 10:00, Acme &lt;support@acme.example&gt; wrote:</div><br><div>Shall we send it again?</div></blockquote></div></body></html>'],
  ['Apple Mail, attribution outside', '<p>Yes, please.</p><p>On 2. Jun 2025, at 10:00, Acme &lt;support@acme.example&gt; wrote:</p><blockquote type="cite">Shall we send it again?</blockquote>'],
  ['Outlook on the web', '<div>Yes, please.</div><div id="appendonsend"></div><hr tabindex="-1"><div id="divRplyFwdMsg" dir="ltr"><b>From:</b> Acme<br><b>Sent:</b> Monday</div><div>Shall we send it again?</div>'],
  ['Outlook', '<div class="WordSection1"><p>Yes, please.</p><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0in 0in 0in"><p><b>From:</b> Acme<br><b>Sent:</b> Monday</p></div><p>Shall we send it again?</p></div>'],
  ['Outlook for Mac', '<div>Yes, please.</div><span id="OLK_SRC_BODY_SECTION"><div>From: Acme</div><div>Shall we send it again?</div></span>'],
  ['Outlook for phones', '<div>Yes, please.</div><div id="mail-editor-reference-message-container"><div>From: Acme</div>Shall we send it again?</div>'],
  ['Yahoo', '<div>Yes, please.</div><div id="yahoo_quoted_123" class="yahoo_quoted"><div>On Monday, Acme wrote:</div>Shall we send it again?</div>'],
  ['Thunderbird', '<p>Yes, please.</p><div class="moz-cite-prefix">Am 02.06.25 um 10:00 schrieb Acme:<br></div><blockquote type="cite" cite="mid:x@y">Shall we send it again?</blockquote>'],
  ['Proton', '<div>Yes, please.</div><div class="protonmail_quote">On Monday, Acme wrote:<blockquote type="cite">Shall we send it again?</blockquote></div>'],
  ['a client that marks nothing', '<p>Yes, please.</p><p>On Mon, Jun 2, 2025 at 10:00 AM Acme &lt;support@acme.example&gt; wrote:</p><blockquote>Shall we send it again?</blockquote>'],
];

describe('HTML mail', () => {
  test.each(CLIENTS)('%s', (_name, html) => {
    const part = textPart(null, html)!;
    expect(part.visibleText).toBe('Yes, please.');
    expect(part.quotedText).toContain('Shall we send it again?');
    expect(part.text).toContain('Shall we send it again?');
    expect(part.html).toBe(html);
  });

  test('answers between the quotes are all visible', () => {
    const html = '<blockquote type="cite">Colour?</blockquote><p>Blue.</p><blockquote type="cite">Size?</blockquote><p>Large.</p>';
    expect(textPart(null, html)).toMatchObject({ visibleText: 'Blue.\n\nLarge.', quotedText: 'Colour?\n\nSize?' });
  });

  test('a forward without a word is shown whole', () => {
    const html = '<div class="gmail_quote"><div>---------- Forwarded message ---------</div><div>The parcel is broken.</div></div>';
    expect(textPart(null, html)!.visibleText).toContain('The parcel is broken.');
  });

  test('reads as a person would: blocks, lists, links, entities; nothing of scripts, styles and hidden texts', () => {
    const html = '<head><title>t</title><style>p{}</style></head><h1>Hi</h1><p>a &amp; b<br>c</p><ul><li>one</li><li>two</li></ul><a href="https://x.example/p">here</a><script>alert(1)</script><div style="color:red;display: none">preheader</div><table><tr><td>x</td><td>y</td></tr></table><pre>a\n  b</pre>';
    expect(textPart(null, html)!.text).toBe('Hi\n\na & b\nc\n\n- one\n- two\nhere (https://x.example/p)\nx y\na\n  b');
  });

  test('plain text is preferred, and the HTML kept beside it; neither is no text part', () => {
    expect(textPart('plain', '<p>html</p>')).toMatchObject({ text: 'plain', html: '<p>html</p>' });
    expect(textPart(' \n', '<p>html</p>')).toMatchObject({ text: 'html' });
    expect(textPart('  ', ' ')).toBeNull();
    expect(textPart(null, null)).toBeNull();
  });

  test('any HTML gives a text, and every word that is shown was in it', () => {
    const bits = fc.constantFrom('<div>', '</div>', '<p>', '</p>', '<blockquote type=cite>', '<blockquote>', '</blockquote>', '<div class="gmail_quote">', '<div id=divRplyFwdMsg>', '<br>', '<pre>', '</pre>', '<!--', '-->', '<![CDATA[', 'alpha', 'beta', 'On Monday, Bob <b@x.example> wrote:', '<a href="https://x.example">', '</a>', '<td>', '&lt;');
    fc.assert(
      fc.property(fc.array(bits, { maxLength: 40 }), (parts) => {
        const part = textPart(null, parts.join(''));
        if (!part) return;
        for (const word of ['alpha', 'beta']) if (part.visibleText!.includes(word)) expect(part.text).toContain(word);
        const counted = (text: string | null) => (text?.match(/alpha|beta/g) ?? []).length;
        expect(counted(part.visibleText) + counted(part.quotedText) + counted(part.signature ?? null)).toBe(counted(part.text));
      }),
      { numRuns: 300 },
    );
  });
});

describe('plain text', () => {
  test('a reply above its quote, in several languages', () => {
    for (const attribution of ['On Mon, Jun 2, 2025 at 10:00 AM Acme <support@acme.example> wrote:', 'Am Mo., 2. Juni 2025 um 10:00 Uhr schrieb Acme <support@acme.example>:', 'Le lun. 2 juin 2025 à 10:00, Acme <support@acme.example> a écrit :', 'El lun, 2 jun 2025 a las 10:00, Acme (<support@acme.example>) escribió:']) {
      expect(splitReply(`Yes, please.\r\n\r\n${attribution}\r\n> Shall we send it again?`)).toMatchObject({ visible: 'Yes, please.', quoted: expect.stringContaining('again?') });
    }
  });

  test('an attribution that was folded before its last word', () => {
    expect(splitReply('Да\n\n2 июня 2025 г. 10:00 пользователь Acme <support@acme.example>\nнаписал:\n\n> Отправить ещё раз?').visible).toBe('Да');
  });

  test('a signature is set apart', () => {
    expect(splitReply('Yes, please.\n\n-- \nAda Lovelace\nAnalyst')).toEqual({ visible: 'Yes, please.', quoted: null, signature: '-- \nAda Lovelace\nAnalyst' });
    expect(splitReply('Yes.\n\nSent from my iPhone')).toMatchObject({ visible: 'Yes.', signature: 'Sent from my iPhone' });
  });

  test('what has neither is visible as it is', () => {
    fc.assert(fc.property(fc.array(fc.stringMatching(/^[a-z]{1,8}( [a-z]{1,8}){0,6}$/), { minLength: 1, maxLength: 8 }), (lines) => {
      const text = lines.join('\n');
      if (!/sent|regards|cheers|best|thanks|from/.test(text)) expect(splitReply(text).visible.replace(/\s+/g, ' ')).toBe(text.replace(/\s+/g, ' ').trim());
    }));
  });

  test('a text beyond measure is shown whole', () => {
    const text = 'word '.repeat(40_000);
    expect(splitReply(text).visible).toBe(text.trim());
  });
});
