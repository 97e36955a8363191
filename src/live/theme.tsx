// Light or dark: what the computer says, until somebody says otherwise here.
import { useState } from 'react';
import { Icon } from './icons.tsx';

type Theme = 'light' | 'dark';
const KEPT = 'throughline.live.theme';

const chosen = (): Theme | null => {
  const kept = localStorage.getItem(KEPT);
  return kept === 'light' || kept === 'dark' ? kept : null;
};
const shown = (): Theme => chosen() ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');

/** The stylesheet knows the computer's theme by itself, and a chosen one by this. */
export function showTheme(): void {
  const theme = chosen();
  if (theme) document.documentElement.dataset.theme = theme;
}

export function ThemeSwitch() {
  const [theme, setTheme] = useState(shown);
  const other: Theme = theme === 'light' ? 'dark' : 'light';
  const change = () => {
    localStorage.setItem(KEPT, other);
    showTheme();
    setTheme(other);
  };
  return <button type="button" className="quiet" onClick={change} aria-label={`Change to ${other} colours`} title={`Change to ${other} colours`}><Icon name={theme === 'light' ? 'moon' : 'sun'} /></button>;
}
