(** The network of a certificate in rational numbers: its definition, evaluated.

    No proof can say that a definition is the one that was meant.  But the rational numbers are an
    ordered field, so that [rhat] at a rational radius is a number, to be compared with others. *)

From Coq Require Import QArith Qcanon List Lqa.
From Everyweight Require Import Certificate.
Import ListNotations.

Definition Qcleb (x y : Qc) : bool := Qle_bool x y.

(** The rational numbers, in lowest terms, are an ordered field. *)
Definition rationals : ordered_field.
Proof.
  refine (@OrderedField Qc 0%Qc 1%Qc Qcplus Qcmult Qcminus Qcopp Qcdiv Qcinv Qcleb Qcft _ _ _ _ _);
    unfold Qcleb; intros; repeat match goal with h : _ = true |- _ => apply Qle_bool_iff in h end;
    rewrite ?Qle_bool_iff.
  - destruct (Qlt_le_dec y x) as [h|h]; [right; apply Qlt_le_weak|left]; exact h.
  - apply Qcle_antisym; assumption.
  - eapply Qle_trans; eassumption.
  - apply (Qcplus_le_compat x y z z); [assumption | apply Qcle_refl].
  - apply (Qcmult_le_compat_r 0 x y); assumption.
Defined.

Definition answer (c : certificate) (r : Q) : Q := this (rhat rationals c (Q2Qc r)).
