//! What pages are made of, one component a file.

mod artifacts;
mod diff;
mod facts;
mod field;
mod frame;
mod input_field;
mod links;
mod load_more;
mod log;
mod mark;
mod moment;
mod night;
mod notice;
mod run_ledger;
mod task_row;
mod verb_form;
mod visible;

pub use artifacts::artifact_list;
pub use diff::{Diff, marks_shown};
pub use facts::{Fact, Facts};
pub use field::{Select, TextArea, TextField};
pub use frame::{Frame, LoneFrame};
pub use input_field::input_field;
pub use links::{ApprovalLink, OutputLink, PlanLink, RunLink, TaskLink, approval_title};
pub use load_more::LoadMore;
pub use log::{Log, bytes};
pub use mark::{
    ApprovalMark, Glyph, OutcomeMark, RunMark, Shape, StatusMark, Tally, Tone, approval_look,
    state_word, verdict_look,
};
pub use moment::{Moment, Span, ZoneSignal};
pub use night::NightPicture;
pub use notice::{AnswerNotice, Empty, Failure, Notice};
pub use run_ledger::RunLedger;
pub use task_row::{TaskLedger, TaskLine};
pub use verb_form::VerbForm;
pub use visible::{Marker, Place, visible, visible_at};
