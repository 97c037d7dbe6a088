// What the functions here need of a mail: its header fields, and the text of a mail that has no other part.
// A mail is a string, all UTF-8, and stays as it is but for what is set.

function split(mail) {
  const end = mail.indexOf('\r\n\r\n');
  return [mail.slice(0, end + 2), mail.slice(end + 4)];
}

const linesOf = (name) => new RegExp(`^${name}:.*\\r\\n(?:[ \\t].*\\r\\n)*`, 'im');

export function field(mail, name) {
  const found = linesOf(name).exec(split(mail)[0]);
  return found && found[0].slice(name.length + 1).replace(/\r\n/g, '').trim();
}

export function withField(mail, name, value) {
  const [header, text] = split(mail);
  return `${header.replace(linesOf(name), '')}${name}: ${value}\r\n\r\n${text}`;
}

export const textOf = (mail) => split(mail)[1];

export const withText = (mail, text) => `${split(mail)[0]}\r\n${text}`;
