// What people write to a ceramics shop about, line by line, and what the team answers.

export interface Matter {
  subject: string;
  /** `{order}` is the number of the order that it is about. */
  lines: readonly [customer: string, team: string][];
}

export const MATTERS: readonly Matter[] = [
  {
    subject: 'Where is order #{order}?',
    lines: [
      ['Hello, order #{order} says "shipped" since last week, but the tracking does not move.', 'Good morning! I am asking the carrier about #{order} and will come back to you today.'],
      ['Still nothing here. Could you send another one?', 'The parcel is lost, I am sorry. A new one leaves our workshop tomorrow.'],
      ['That is great, thank you so much!', 'Gladly. You will get the new tracking number tonight.'],
    ],
  },
  {
    subject: 'Broken cup in order #{order}',
    lines: [
      ['One of the six cups of order #{order} arrived with a crack.', 'I am sorry to hear that. Could you send us a photograph of the cup and the box?'],
      ['Here it is. The box looked fine from outside.', 'Thank you, that helps. A new cup is on its way, and you can keep the other five.'],
    ],
  },
  {
    subject: 'Invoice for order #{order}',
    lines: [
      ['I need an invoice for order #{order} with our company\'s address on it.', 'Of course. Which address should it be?'],
      ['Analytical Pots Ltd, 12 Kiln Lane, Stoke. VAT number GB 123 4567 89.', 'The corrected invoice is in your account now.'],
      ['Got it. Perfect.', 'Happy to help!'],
    ],
  },
  {
    subject: 'Charged twice',
    lines: [
      ['I was charged twice for order #{order}. Please refund one payment.', 'You are right, there are two payments. I have sent one back; it takes three working days.'],
      ['The refund is not there yet, it has been four days.', 'I see that the bank returned it. I have sent it again, to the card that you paid with.'],
    ],
  },
  {
    subject: 'Delivery address of #{order}',
    lines: [
      ['Can I still change the delivery address of #{order}?', 'Yes, until tomorrow noon. To which address?'],
      ['To my office please: 5 Harbour Street, third floor.', 'Changed. It arrives on Thursday.'],
    ],
  },
  {
    subject: 'Mugs with a logo',
    lines: [
      ['We would like 40 mugs with our logo. What would that cost, and by when could we have them?', 'That is 11.50 each, and four weeks from your approval of the sample.'],
      ['Sounds good. Could the handle be blue?', 'Blue is possible without extra cost. I am sending you a sample.'],
    ],
  },
  {
    subject: 'Glaze',
    lines: [
      ['Is the sea-green glaze safe for the dishwasher & the microwave?', 'Both, yes. Only the gold rims have to be washed by hand.'],
      ['And the <raw> series?', 'That one too: it is fired at 1,240 °C.'],
    ],
  },
  {
    subject: 'Return of order #{order}',
    lines: [
      ['The vase of order #{order} is larger than I thought. How do I send it back?', 'With the label in your account, within 30 days. The refund follows when it is here.'],
      ['I dropped it at the post office this morning.', 'Thank you, I will keep an eye on it.'],
      ['Did it arrive?', 'It did, and the refund is on its way.'],
    ],
  },
];
