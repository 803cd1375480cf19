//! A conversation: questions follow from the draft of the plan, answers change it. Pure; a terminal or a file answers.

use std::collections::BTreeMap;

use super::topic::{self, Topic};
use super::{Answer, Answers, Grouping, Plan, Question};
use crate::inventory::Inventory;

/// A plan in the making.
///
/// The same answers to the same proposal always give the same draft; going back takes the last answer away and gives the
/// others again.
#[derive(Debug, Clone)]
pub struct Conversation<'a> {
    inventory: &'a Inventory,
    proposal: Plan,
    draft: Plan,
    given: Vec<(String, Answer)>,
    remembered: BTreeMap<String, Answer>,
}

impl<'a> Conversation<'a> {
    /// Begins with a proposal, and with answers that are proposed instead of it wherever they still do.
    #[must_use]
    pub fn new(
        inventory: &'a Inventory,
        proposal: Plan,
        remembered: BTreeMap<String, Answer>,
    ) -> Self {
        Self {
            inventory,
            draft: proposal.clone(),
            proposal,
            given: Vec::new(),
            remembered,
        }
    }

    /// Returns the question that is to be answered next; `None` when all are.
    ///
    /// An answer that was taken back is proposed again.
    #[must_use]
    pub fn next(&self) -> Option<Question> {
        let topic = self.next_topic()?;
        let mut question = topic.question(self.inventory, &self.draft);
        if let Some(answer) = self.remembered.get(&question.id) {
            let mut trial = self.draft.clone();
            if topic.apply(self.inventory, &mut trial, answer).is_ok() {
                question.default = answer.clone();
            }
        }
        Some(question)
    }

    /// Answers the next question.
    ///
    /// # Errors
    ///
    /// Says why the answer does not do; the draft stays as it was, and the question is still the next one.
    pub fn give(&mut self, answer: &Answer) -> Result<(), String> {
        let Some(topic) = self.next_topic() else {
            return Ok(());
        };
        topic.apply(self.inventory, &mut self.draft, answer)?;
        let answer = topic.kept(self.inventory, &self.draft, answer);
        self.given.push((topic.id(), answer));
        Ok(())
    }

    /// Takes the last answer back and returns its question's id; `None` at the beginning.
    pub fn back(&mut self) -> Option<String> {
        let (id, answer) = self.given.pop()?;
        self.remembered.insert(id.clone(), answer);
        let given = std::mem::take(&mut self.given);
        self.draft = self.proposal.clone();
        for (_, answer) in given {
            // What was taken once is taken again after the same answers; if not, it is asked again.
            if self.give(&answer).is_err() {
                break;
            }
        }
        Some(id)
    }

    /// Returns the plan as it would be with all further questions answered as proposed.
    #[must_use]
    pub fn draft(&self) -> &Plan {
        &self.draft
    }

    /// Returns the draft as it would be with these groups.
    ///
    /// # Errors
    ///
    /// Says why they do not do.
    pub fn preview(&self, grouping: &Grouping) -> Result<Plan, String> {
        let mut draft = self.draft.clone();
        let answer = Answer::Groups(grouping.clone());
        Topic::Groups.apply(self.inventory, &mut draft, &answer)?;
        Ok(draft)
    }

    /// Returns the answers given so far, for a file.
    #[must_use]
    pub fn answers(&self) -> Answers {
        Answers::of(self.given.iter().cloned().collect())
    }

    fn next_topic(&self) -> Option<Topic> {
        topic::next(&self.draft, &self.given)
    }
}
