(** Made by theory/proofs/instances.py: the laws that the package derives with sympy for
    small sizes equal the theorems' at these sizes. *)

From mathcomp Require Import all_ssreflect all_algebra.
From Everyweight Require Import Tactics Signal Staircase Plateau Subpixel Loss Flow.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(** Writes out the sums and the pixels of one size. *)
Ltac write_out phi :=
  rewrite ?kappa_sums ?deviation_sums /response /slope /preactivation /padded /S /C /T ?unlock /=;
  repeat match goal with |- context [pulse ?L ?m ?p ?j] => rewrite (pulse_nat L m p j) end;
  repeat match goal with |- context [if ?b then _ else _] =>
    let v := eval vm_compute in b in change b with v; cbv iota end;
  rewrite ?(mulr0, mulr1, addr0, add0r) ?(fun w : nat -> _ => mulrC (w _) phi) -?addrA.

Ltac by_law F phi := write_out phi; by_field F.

(** The same where arguments of g are not yet the same terms: [ring] decides which are equal. *)
Ltac by_response F g :=
  rewrite /kappa /S /C unlock /=; in_field F;
  repeat match goal with |- context [g ?x] => match goal with |- context [g ?y] =>
    tryif constr_eq x y then fail else replace (g y) with (g x) by (f_equal; ring) end end;
  ring.

Section Instances.
Variable F : realFieldType.
Add Field field_of_F : (field_laws F).

Lemma definition_1_1_1 (g : F -> F) (w : nat -> F) (phi : F) :
  ((2%:R * g (phi * (w 0%N))) + (g (w 0%N) + ((- 3%:R) * g 0%:R)))
  = response g 0 1 w (pulse 1 1 phi).
Proof. by_law F phi. Qed.

Lemma definition_1_2_3 (g : F -> F) (w : nat -> F) (phi : F) :
  ((2%:R * g (phi * (w 0%N))) + ((3%:R * g (w 0%N)) + ((- 5%:R) * g 0%:R)))
  = response g 0 3 w (pulse 3 2 phi).
Proof. by_law F phi. Qed.

Lemma definition_3_2_3 (g : F -> F) (w : nat -> F) (phi : F) :
  (g (phi * (w 0%N)) + (g ((w 0%N) + (phi * (w 1%N))) + (g ((w 0%N) + ((w 1%N) + (w 2%N))) + (g ((w 0%N) + ((w 1%N) + (phi * (w 2%N)))) + (g ((phi * (w 0%N)) + ((w 1%N) + (w 2%N))) + (g ((phi * (w 1%N)) + (w 2%N)) + (g (phi * (w 2%N)) + ((- 7%:R) * g 0%:R))))))))
  = response g 1 3 w (pulse 3 2 phi).
Proof. by_law F phi. Qed.

Lemma definition_3_3_5 (g : F -> F) (w : nat -> F) (phi : F) :
  ((3%:R * g ((w 0%N) + ((w 1%N) + (w 2%N)))) + (g (phi * (w 0%N)) + (g ((w 0%N) + (phi * (w 1%N))) + (g ((w 0%N) + ((w 1%N) + (phi * (w 2%N)))) + (g ((phi * (w 0%N)) + ((w 1%N) + (w 2%N))) + (g ((phi * (w 1%N)) + (w 2%N)) + (g (phi * (w 2%N)) + ((- 9%:R) * g 0%:R))))))))
  = response g 1 5 w (pulse 5 3 phi).
Proof. by_law F phi. Qed.

Lemma definition_5_3_5 (g : F -> F) (w : nat -> F) (phi : F) :
  (g (phi * (w 0%N)) + (g ((w 0%N) + (phi * (w 1%N))) + (g ((w 0%N) + ((w 1%N) + (phi * (w 2%N)))) + (g ((w 0%N) + ((w 1%N) + ((w 2%N) + (phi * (w 3%N))))) + (g ((w 0%N) + ((w 1%N) + ((w 2%N) + ((w 3%N) + (w 4%N))))) + (g ((w 0%N) + ((w 1%N) + ((w 2%N) + ((w 3%N) + (phi * (w 4%N)))))) + (g ((phi * (w 0%N)) + ((w 1%N) + ((w 2%N) + ((w 3%N) + (w 4%N))))) + (g ((phi * (w 1%N)) + ((w 2%N) + ((w 3%N) + (w 4%N)))) + (g ((phi * (w 2%N)) + ((w 3%N) + (w 4%N))) + (g ((phi * (w 3%N)) + (w 4%N)) + (g (phi * (w 4%N)) + ((- 11%:R) * g 0%:R))))))))))))
  = response g 2 5 w (pulse 5 3 phi).
Proof. by_law F phi. Qed.

Lemma plateau_1 (g : F -> F) (w : nat -> F) (r phi : F) :
  (2%:R * r * (g (w 0%N) + ((- 1%:R) * g 0%:R)))
  = 2%:R * r * slope g 0 w + kappa g 0 w.
Proof. by_law F phi. Qed.

Lemma plateau_3 (g : F -> F) (w : nat -> F) (r phi : F) :
  (((- 2%:R) * g ((w 0%N) + ((w 1%N) + (w 2%N)))) + ((2%:R * r * (g ((w 0%N) + ((w 1%N) + (w 2%N))) + ((- 1%:R) * g 0%:R))) + (g (w 0%N) + (g ((w 0%N) + (w 1%N)) + (g ((w 1%N) + (w 2%N)) + (g (w 2%N) + ((- 2%:R) * g 0%:R)))))))
  = 2%:R * r * slope g 1 w + kappa g 1 w.
Proof. by_law F phi. Qed.

Lemma subpixel_1 (g : F -> F) (w : nat -> F) (r phi : F) :
  ((2%:R * r * (g (w 0%N) + ((- 1%:R) * g 0%:R))) + ((2%:R * g (phi * (w 0%N))) + (((- 2%:R) * phi * g (w 0%N)) + ((- 2%:R) * (1%:R + ((- 1%:R) * phi)) * g 0%:R))))
  = 2%:R * r * slope g 0 w + kappa g 0 w + deviation g 0 w phi.
Proof. by_law F phi. Qed.

Lemma subpixel_3 (g : F -> F) (w : nat -> F) (r phi : F) :
  (((- 2%:R) * g ((w 0%N) + ((w 1%N) + (w 2%N)))) + ((2%:R * r * (g ((w 0%N) + ((w 1%N) + (w 2%N))) + ((- 1%:R) * g 0%:R))) + (g (w 0%N) + (g ((w 0%N) + (w 1%N)) + (g ((w 1%N) + (w 2%N)) + (g (w 2%N) + (((- 2%:R) * g 0%:R) + (((- 1%:R) * phi * g (w 0%N)) + (((- 1%:R) * phi * g ((w 0%N) + (w 1%N))) + (((- 1%:R) * (1%:R + ((- 1%:R) * phi)) * g (w 0%N)) + (((- 1%:R) * (1%:R + ((- 1%:R) * phi)) * g ((w 0%N) + (w 1%N))) + (((- 2%:R) * phi * g ((w 0%N) + ((w 1%N) + (w 2%N)))) + (g (phi * (w 0%N)) + (g ((w 0%N) + (phi * (w 1%N))) + (g ((w 0%N) + ((w 1%N) + (phi * (w 2%N)))) + (g ((w 1%N) + ((w 2%N) + (phi * (w 0%N)))) + (((- 1%:R) * phi * g ((w 1%N) + (w 2%N))) + (((- 1%:R) * (1%:R + ((- 1%:R) * phi)) * g ((w 1%N) + (w 2%N))) + (g ((w 2%N) + (phi * (w 1%N))) + (((- 1%:R) * phi * g (w 2%N)) + (((- 1%:R) * (1%:R + ((- 1%:R) * phi)) * g (w 2%N)) + (g (phi * (w 2%N)) + ((- 2%:R) * (1%:R + ((- 1%:R) * phi)) * g 0%:R)))))))))))))))))))))))
  = 2%:R * r * slope g 1 w + kappa g 1 w + deviation g 1 w phi.
Proof. by_law F phi. Qed.

Lemma loss_alpha (h L : nat) (g : nat -> F -> F) (w : nat -> nat -> F) (a : nat -> F) (c phi : F) :
  ((- 1%:R) + ((2%:R * (a 0%N) * (slope (g 0%N) h (w 0%N))) + (2%:R * (a 1%N) * (slope (g 1%N) h (w 1%N)))))
  = alpha 2 h g w a.
Proof. rewrite /alpha /beta /total_deviation unlock /=; by_ring F. Qed.

Lemma loss_beta (h L : nat) (g : nat -> F -> F) (w : nat -> nat -> F) (a : nat -> F) (c phi : F) :
  (c + (((a 0%N) * ((kappa (g 0%N) h (w 0%N)) + ((size L)%:R * (g 0%N 0)))) + ((a 1%N) * ((kappa (g 1%N) h (w 1%N)) + ((size L)%:R * (g 1%N 0))))))
  = beta 2 h L g w a c.
Proof. rewrite /alpha /beta /total_deviation unlock /=; by_ring F. Qed.

Lemma loss_total_deviation (h L : nat) (g : nat -> F -> F) (w : nat -> nat -> F) (a : nat -> F) (c phi : F) :
  (((a 0%N) * (deviation (g 0%N) h (w 0%N) phi)) + ((a 1%N) * (deviation (g 1%N) h (w 1%N) phi)))
  = total_deviation 2 h g w a phi.
Proof. rewrite /alpha /beta /total_deviation unlock /=; by_ring F. Qed.

Lemma conserved_3_0 (w : nat -> nat -> F) (a : nat -> F) :
  (((a 0%N) ^+ 2) + (((- 1%:R) / 3%:R) * (((w 0%N 0%N) + ((w 0%N 1%N) + (w 0%N 2%N))) ^+ 2)))
  = even 3 a (fun i => sum_taps 3 (w i)) 0 0.
Proof. rewrite /even /odd /sum_taps unlock /=; by_field F. Qed.

Lemma conserved_3_1 (w : nat -> nat -> F) (a : nat -> F) :
  (((a 0%N) * (a 1%N)) + (((- 1%:R) / 3%:R) * ((w 0%N 0%N) + ((w 0%N 1%N) + (w 0%N 2%N))) * ((w 1%N 0%N) + ((w 1%N 1%N) + (w 1%N 2%N)))))
  = even 3 a (fun i => sum_taps 3 (w i)) 0 1.
Proof. rewrite /even /odd /sum_taps unlock /=; by_field F. Qed.

Lemma conserved_3_2 (w : nat -> nat -> F) (a : nat -> F) :
  (((a 1%N) ^+ 2) + (((- 1%:R) / 3%:R) * (((w 1%N 0%N) + ((w 1%N 1%N) + (w 1%N 2%N))) ^+ 2)))
  = even 3 a (fun i => sum_taps 3 (w i)) 1 1.
Proof. rewrite /even /odd /sum_taps unlock /=; by_field F. Qed.

Lemma conserved_3_3 (w : nat -> nat -> F) (a : nat -> F) :
  (((a 0%N) * ((w 1%N 0%N) + ((w 1%N 1%N) + (w 1%N 2%N)))) + ((- 1%:R) * (a 1%N) * ((w 0%N 0%N) + ((w 0%N 1%N) + (w 0%N 2%N)))))
  = odd a (fun i => sum_taps 3 (w i)) 0 1.
Proof. rewrite /even /odd /sum_taps unlock /=; by_field F. Qed.

Lemma background_1 (g : F -> F) (w : nat -> F) (beta r N : F) :
  ((N * g (beta * (w 0%N))) + (2%:R * r * (((- 1%:R) * g (beta * (w 0%N))) + g ((w 0%N) + (beta * (w 0%N))))))
  = N * g (beta * S 0 w) + 2%:R * r * (g ((beta + 1) * S 0 w) - g (beta * S 0 w)) + kappa (fun z => g (beta * S 0 w + z)) 0 w.
Proof. by_response F g. Qed.

Lemma background_3 (g : F -> F) (w : nat -> F) (beta r N : F) :
  (((- 2%:R) * g (beta * ((w 0%N) + ((w 1%N) + (w 2%N))))) + (((- 2%:R) * g ((w 0%N) + ((beta * ((w 0%N) + ((w 1%N) + (w 2%N)))) + ((w 1%N) + (w 2%N))))) + ((N * g (beta * ((w 0%N) + ((w 1%N) + (w 2%N))))) + ((2%:R * r * (((- 1%:R) * g (beta * ((w 0%N) + ((w 1%N) + (w 2%N))))) + g ((w 0%N) + ((beta * ((w 0%N) + ((w 1%N) + (w 2%N)))) + ((w 1%N) + (w 2%N)))))) + (g ((w 0%N) + (beta * ((w 0%N) + ((w 1%N) + (w 2%N))))) + (g ((beta * ((w 0%N) + ((w 1%N) + (w 2%N)))) + (w 2%N)) + (g ((w 0%N) + ((beta * ((w 0%N) + ((w 1%N) + (w 2%N)))) + (w 1%N))) + g ((beta * ((w 0%N) + ((w 1%N) + (w 2%N)))) + ((w 1%N) + (w 2%N))))))))))
  = N * g (beta * S 1 w) + 2%:R * r * (g ((beta + 1) * S 1 w) - g (beta * S 1 w)) + kappa (fun z => g (beta * S 1 w + z)) 1 w.
Proof. by_response F g. Qed.

End Instances.
