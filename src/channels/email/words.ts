/**
 * One expression, written over several lines: line ends and the blanks that begin a line are not part of it (`\x20` is a blank that is).
 * Upper and lower case are alike.
 */
export const words = (text: TemplateStringsArray): RegExp => new RegExp(text.raw[0]!.replace(/\n\s*/g, ''), 'i');
