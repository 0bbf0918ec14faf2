(** Tactics: [lia] for natural numbers of mathcomp, [ring] and [field] for its fields.

    Nothing is claimed here.  Coq's own decision procedures do not know mathcomp's names of the
    operations; this file translates. *)

From Coq Require Import ZArith ZifyClasses ZifyInst ZifyBool Zify.
From Coq Require Export Lia Field.
From mathcomp Require Import all_ssreflect all_algebra.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

(** ** Natural numbers *)

Lemma leq_leb (m n : nat) : (m <= n) = Z.leb (Z.of_nat m) (Z.of_nat n).
Proof.
apply/idP/idP => [/leP h | /Z.leb_le h]; first by apply/Z.leb_le; lia.
by apply/leP; lia.
Qed.

Lemma eqn_eqb (m n : nat) : (m == n) = Z.eqb (Z.of_nat m) (Z.of_nat n).
Proof.
apply/eqP/idP => [-> | /Z.eqb_eq h]; first by apply/Z.eqb_eq.
by lia.
Qed.

Lemma double_Z (n : nat) : Z.of_nat n.*2 = Z.mul 2 (Z.of_nat n).
Proof. by rewrite -addnn; rewrite (Nat2Z.inj_add n n); lia. Qed.

#[global] Instance zify_addn : BinOp (addn : nat -> nat -> nat) :=
  { TBOp := Z.add; TBOpInj := Nat2Z.inj_add }.
Add Zify BinOp zify_addn.
#[global] Instance zify_muln : BinOp (muln : nat -> nat -> nat) :=
  { TBOp := Z.mul; TBOpInj := Nat2Z.inj_mul }.
Add Zify BinOp zify_muln.
#[global] Instance zify_subn : BinOp (subn : nat -> nat -> nat) :=
  { TBOp := fun m n => Z.max 0 (m - n); TBOpInj := Nat2Z.inj_sub_max }.
Add Zify BinOp zify_subn.
#[global] Instance zify_double : UnOp (double : nat -> nat) := { TUOp := Z.mul 2; TUOpInj := double_Z }.
Add Zify UnOp zify_double.
#[global] Instance zify_leq : BinOp (leq : nat -> nat -> bool) := { TBOp := Z.leb; TBOpInj := leq_leb }.
Add Zify BinOp zify_leq.
#[global] Instance zify_eqn : BinOp (@eq_op nat_eqType : nat -> nat -> bool) :=
  { TBOp := Z.eqb; TBOpInj := eqn_eqb }.
Add Zify BinOp zify_eqn.

Ltac Zify.zify_pre_hook ::= unfold is_true in *.

(** ** Fields *)

Import GRing.Theory.
Local Open Scope ring_scope.

Section Operations.
Variable F : fieldType.

Definition zero : F := 0.
Definition one : F := 1.
Definition add : F -> F -> F := +%R.
Definition mul : F -> F -> F := *%R.
Definition sub (x y : F) : F := x - y.
Definition opp : F -> F := -%R.
Definition inv : F -> F := @GRing.inv F.
Definition div (x y : F) : F := x / y.
Definition multiple (x : F) (n : nat) : F := x *+ n.
Definition power (x : F) (n : nat) : F := x ^+ n.
Definition series I (s : seq I) (P : pred I) (f : I -> F) : F := \sum_(i <- s | P i) f i.

Lemma field_laws : @field_theory F zero one add mul sub opp div inv eq.
Proof.
split.
- split; [exact: add0r | exact: addrC | exact: addrA | exact: mul1r | exact: mulrC
         | exact: mulrA | exact: mulrDl | by [] | exact: subrr].
- by apply/eqP; apply: oner_neq0.
- by [].
- by move=> x /eqP x0; apply: mulVf.
Qed.
End Operations.

(** The same term in the operations above, whatever path of structures its own came by.  Multiples
    [x *+ k] and powers [x ^+ k] are written out where [k] is a numeral, and are atoms elsewhere. *)
Ltac is_numeral n := lazymatch n with O => idtac | S ?k => is_numeral k end.

Ltac repeated F op t n :=
  lazymatch n with
  | S O => t
  | S ?k => let rest := repeated F op t k in constr:(op F t rest)
  end.

Ltac translate F t :=
  lazymatch t with
  | @GRing.zero _ => constr:(zero F)
  | @GRing.one _ => constr:(one F)
  | @GRing.add _ ?x ?y =>
      let a := translate F x in let b := translate F y in constr:(@add F a b)
  | @GRing.mul _ ?x ?y =>
      let a := translate F x in let b := translate F y in constr:(@mul F a b)
  | @GRing.opp _ ?x => let a := translate F x in constr:(@opp F a)
  | @GRing.inv _ ?x => let a := translate F x in constr:(@inv F a)
  | @GRing.natmul _ ?x ?n =>
      let k := eval compute in n in
      match k with
      | O => constr:(zero F)
      | _ => let a := translate F x in
             let _ := match goal with _ => is_numeral k end in
             repeated F @add a k
      | _ => let a := translate F x in constr:(@multiple F a n)
      end
  | @GRing.exp _ ?x ?n =>
      let k := eval compute in n in
      match k with
      | O => constr:(one F)
      | _ => let a := translate F x in
             let _ := match goal with _ => is_numeral k end in
             repeated F @mul a k
      | _ => let a := translate F x in constr:(@power F a n)
      end
  | @BigOp.bigop _ ?I _ ?s (fun i => @BigBody _ _ i _ (@?P i) (@?f i)) =>
      constr:(@series F I s P f)
  | _ => applied F t
  end
(** Arguments of other functions: in the same operations, too. *)
with applied F t :=
  match t with
  | @fst _ _ ?x => let o := constr:(zero F) in let T := type of o in constr:(@fst T T x)
  | @snd _ _ ?x => let o := constr:(zero F) in let T := type of o in constr:(@snd T T x)
  | ?f ?x =>
      let o := constr:(zero F) in let T := type of o in let X := type of x in
      let _ := match goal with _ => unify X T end in
      let a := translate F x in let h := applied F f in constr:(h a)
  | ?f ?x => let h := applied F f in constr:(h x)
  | _ => t
  end.

Ltac in_field F :=
  lazymatch goal with
  | |- @eq _ ?l ?r =>
      let l' := translate F l in let r' := translate F r in
      let o := constr:(zero F) in let T := type of o in
      tryif constr_eq l l' then (symmetry; change (@eq T r' l')) else change (@eq T l' r')
  end.

(** ** Ordered fields: an inequality that differs from a known one by ring arithmetic alone. *)
Section Order.
Import Num.Theory.
Variable F : realFieldType.

Lemma le_of (x y a b : F) : a <= b -> y - x = b - a -> x <= y.
Proof. by move=> ab e; rewrite -subr_ge0 e subr_ge0. Qed.

Lemma lt_of (x y a b : F) : a < b -> y - x = b - a -> x < y.
Proof. by move=> ab e; rewrite -subr_gt0 e subr_gt0. Qed.

Lemma numeral_neq0 k : multiple (one F) k.+1 <> zero F.
Proof. by apply/eqP; rewrite [_ == _](pnatr_eq0 F k.+1). Qed.
End Order.

(** Closes an equation in the ordered field [F], for which [Add Field] has been said. *)
Ltac by_ring F := in_field F; ring.
Ltac by_field F :=
  in_field F; field; repeat split;
  try first [exact: (@numeral_neq0 F 1) | exact: (@numeral_neq0 F 2) | exact: (@numeral_neq0 F 3)];
  try by apply/eqP.
