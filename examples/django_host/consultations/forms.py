from django import forms

from consultations.models import CostBreakdown, Patient, Photo, Procedure
from docwiz_tasks.records.catalogue import catalogue


class PatientForm(forms.ModelForm):
    class Meta:
        model = Patient
        fields = ["name", "date_of_birth"]
        widgets = {"date_of_birth": forms.DateInput(attrs={"type": "date"})}


class PhotoForm(forms.Form):
    photo = forms.ImageField()


def procedures():
    """Return the choices: the catalogue's, and the clinic's own in place of those."""
    own = dict(Procedure.objects.values_list("id", "name"))
    return sorted(({p.id: p.name for p in catalogue().values()} | own).items())


class PreviewForm(forms.Form):
    photo = forms.ModelChoiceField(Photo.objects.none(), empty_label=None)
    procedure = forms.ChoiceField(choices=procedures)

    def __init__(self, patient, *args):
        super().__init__(*args)
        self.fields["photo"].queryset = patient.photos.order_by("-added_at")
        self.fields["photo"].label_from_instance = lambda photo: f"{photo.added_at:%d %b %H:%M}"


class CostsForm(forms.Form):
    costs = forms.ModelChoiceField(CostBreakdown.objects.none(), empty_label=None)

    def __init__(self, patient, *args):
        super().__init__(*args)
        self.fields["costs"].queryset = CostBreakdown.objects.filter(patient=patient)
