//! What a fuzzer plays with (`tests/fuzz`), each a function of any bytes that panics where a promise is broken. The
//! tests below play again what the fuzzers have kept.

mod frame;
mod options;
mod session;

pub use crate::transport::bosh::fuzzing::body;
pub use frame::frame;
pub use options::options;
pub use session::session;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::xml::expat;

    /// What the fuzzers of one target have kept. An empty corpus would make a test that cannot fail.
    fn corpus(target: &str) -> Vec<Vec<u8>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus").join(target);
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let inputs: Vec<_> = files.map(|path| fs::read(path).unwrap()).collect();
        assert!(inputs.len() >= 10, "{target}: {}", inputs.len());
        inputs
    }

    #[test]
    fn the_frames_of_the_corpus_keep_what_is_promised() {
        let inputs = corpus("frame");
        let judged: Vec<_> = inputs
            .iter()
            .filter_map(|input| Some((std::str::from_utf8(input).ok()?, frame(input)?)))
            .collect();
        let documents: Vec<_> = judged.iter().map(|(document, _)| *document).collect();
        let verdicts = expat(&documents);
        assert_eq!(verdicts.len(), judged.len());
        for ((document, ours), theirs) in judged.iter().zip(verdicts) {
            assert_eq!(*ours, theirs, "{document:?}");
        }
        assert!(judged.iter().any(|(_, ours)| *ours) && judged.iter().any(|(_, ours)| !ours));
    }

    #[test]
    fn the_bodies_of_the_corpus_keep_what_is_promised() {
        corpus("body").iter().for_each(|input| body(input));
    }

    #[test]
    fn the_options_of_the_corpus_keep_what_is_promised() {
        corpus("options").iter().for_each(|input| options(input));
    }

    #[test]
    fn the_sessions_of_the_corpus_keep_what_is_promised() {
        let reached: std::collections::BTreeSet<_> =
            corpus("session").iter().flat_map(|input| session::play(input)).collect();
        // A corpus that gets nowhere shows nothing.
        for moment in session::MOMENTS {
            assert!(reached.contains(moment), "{moment} is not in the corpus");
        }
    }
}
