"""How far two readers, or a learner and the signed names, agree beyond chance."""
