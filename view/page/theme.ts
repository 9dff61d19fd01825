import { $, setAttribute } from './dom.ts';
import { icon } from './icons.ts';

const themes = ['automatic', 'light', 'dark'] as const;

/** The button that overrides what the system prefers; remembered for this address. */
export function startTheme(changed: () => void): void {
  const button = $('#theme');
  button.append(icon('theme', ''));
  let theme = themes.find((each) => each === localStorage.getItem('theme')) ?? 'automatic';
  const show = () => {
    setAttribute(button, 'aria-label', `Colour theme: ${theme}`);
    setAttribute(document.documentElement, 'data-theme', theme === 'automatic' ? undefined : theme);
    changed();
  };
  button.addEventListener('click', () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length] ?? 'automatic';
    localStorage.setItem('theme', theme);
    show();
  });
  show();
}
