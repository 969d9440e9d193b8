/** Small parts that every view is made of. */
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useId, useLayoutEffect, useRef } from 'preact/hooks';
import { encode } from 'uqr';
import { toFailure } from '../../../shared/failure.ts';
import { failureText, words } from '../words/words.ts';

const ICONS = {
  back: 'M15 5l-7 7 7 7',
  close: 'M6 6l12 12M18 6L6 18',
  flag: 'M6 21V4M6 5h11l-2.500 4L17 13H6',
  gear: 'M4 7h10M18 7h2M4 17h2M10 17h10M14 5v4M6 15v4',
  invite:
    'M10 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM3.5 20c0-3.6 2.9-6 6.5-6 1.4 0 2.7.4 3.8 1M18 13v7M14.5 16.5h7',
  people:
    'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20c0-3.6 2.9-6 6.5-6s6.5 2.4 6.5 6M16 4.5a3.5 3.5 0 0 1 0 6.3M18 14.5c2.1.9 3.5 2.9 3.5 5.5',
  plus: 'M12 5v14M5 12h14',
  link: 'M10 14a4.5 4.5 0 0 0 6.4 0l3-3A4.5 4.5 0 0 0 13 4.6l-1.2 1.2M14 10a4.5 4.5 0 0 0-6.4 0l-3 3a4.5 4.5 0 0 0 6.4 6.4l1.2-1.2',
  send: 'M4 12l16-8-5 16-3.5-6.5zM11.500 13.500L20 4',
} as const;

export function Icon({ name }: { name: keyof typeof ICONS }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={ICONS[name]} />
    </svg>
  );
}

/** The name of the product, with its sign. */
export function Brand() {
  return (
    <p class="brand">
      <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
        <circle cx="16" cy="16" r="14" />
        <path class="wave" d="M7 17h4l3-7 4 13 3-6h4" />
      </svg>
      Hushwire
    </p>
  );
}

interface IconButtonProps {
  readonly icon: keyof typeof ICONS;
  readonly label: string;
  readonly onClick: () => void;
  readonly isDisabled?: boolean;
  /** How many wait behind it. */
  readonly count?: number;
}

export function IconButton({ icon, label, onClick, isDisabled = false, count = 0 }: IconButtonProps) {
  return (
    <button
      type="button"
      class="icon-button"
      aria-label={label}
      title={label}
      onClick={onClick}
      disabled={isDisabled}
    >
      <Icon name={icon} />
      {count > 0 && <span class="count">{count}</span>}
    </button>
  );
}

interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

/** The browser's own modal dialog: it keeps the focus, and Escape closes it. */
export function Dialog({ title, onClose, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useLayoutEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} aria-labelledby={titleId} onClose={onClose}>
      <header>
        <h2 id={titleId}>{title}</h2>
        <IconButton icon="close" label={words.value.close} onClick={() => dialog.current?.close()} />
      </header>
      <div class="dialog-body">{children}</div>
    </dialog>
  );
}

/** Something that is done when a person asks for it: one at a time, and its failure is told. */
export interface Action {
  readonly isBusy: boolean;
  /** A sentence; empty when there is nothing to tell. */
  readonly failure: string;
  readonly run: (action: () => Promise<unknown>) => Promise<void>;
}

export function useAction(): Action {
  const isBusy = useSignal(false);
  const failure = useSignal('');
  const run: Action['run'] = async (action) => {
    if (isBusy.value) return;
    isBusy.value = true;
    failure.value = '';
    try {
      await action();
    } catch (error) {
      failure.value = failureText(toFailure(error).code);
    } finally {
      isBusy.value = false;
    }
  };
  return { isBusy: isBusy.value, failure: failure.value, run };
}

/** What went wrong, for eyes and ears; nothing while nothing did. */
export function FailureLine({ text }: { text: string }) {
  return (
    <p class="failure" role="alert">
      {text}
    </p>
  );
}

/** A QR code (ISO/IEC 18004) as one path, dark on light in both themes, as scanners want it. */
export function QrCode({ text, label }: { text: string; label: string }) {
  const { data, size } = encode(text, { ecc: 'M', border: 3 });
  const path = data
    .flatMap((row, y) => row.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : '')))
    .join('');
  return (
    <svg class="qr" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label}>
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  );
}

/** Copies a text, and says so. */
export function CopyButton({ text }: { text: string }) {
  const isCopied = useSignal(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    isCopied.value = true;
  };
  return (
    <button type="button" onClick={() => void copy()}>
      <span aria-live="polite">{isCopied.value ? words.value.copied : words.value.copy}</span>
    </button>
  );
}

/** The first letter of a name. */
export function Avatar({ name }: { name: string }) {
  return (
    <span class="avatar" aria-hidden="true">
      {[...name.trim()][0]?.toUpperCase() ?? '·'}
    </span>
  );
}
